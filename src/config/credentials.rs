//! The credentials for a call: an access token, or an API key and its secret.
//!
//! A secret comes from a file, from standard input or from the environment. It never comes from the
//! command line, which every user of the machine can read, or from the deployment file, which people
//! share.

use std::io;
use std::path::{Path, PathBuf};

use super::file::{FileShape, without_values_in_line_of};
use super::flags::Flags;
use super::sources::{Origin, Sources, Written};
use super::warning::Warning;
use super::{beside_file, saved, value};
use crate::complaint::{Complaint, Place};
use crate::input;
use crate::model::secret::{Credentials, Secret};
use crate::proto::livekit::token;

/// The variable that holds a token itself.
const TOKEN: &str = "OVCHECK_TOKEN";
/// The variable that holds an API secret itself.
const SECRET: &str = "OVCHECK_API_SECRET";
/// The maximum size of a token or a secret, in bytes. Usual ones have a few hundred.
const SIZE_LIMIT: u64 = 64 * 1024;

/// The credentials, and what is wrong with the file that holds their secret.
#[derive(Debug)]
pub(super) struct Held {
    pub credentials: Credentials,
    pub warning: Option<Warning>,
}

/// The credentials, if there are any.
///
/// Flags override environment variables, which override the file: a token on the command line
/// overrides a key in the deployment file. One source may have a token or a key, but not both.
pub(super) fn credentials(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
) -> Result<Option<Held>, Complaint> {
    let token = stated(
        sources,
        TOKEN,
        sources.one(
            "token-file",
            value::path,
            flags.token_file.as_ref(),
            shape.token_file.as_ref(),
        )?,
    )?;
    let key =
        sources.one("api-key", value::api_key, flags.api_key.as_ref(), shape.api_key.as_ref())?;
    let secret = stated(
        sources,
        SECRET,
        sources.one(
            "api-secret-file",
            value::path,
            flags.api_secret_file.as_ref(),
            shape.api_secret_file.as_ref(),
        )?,
    )?;
    let pair = key.as_ref().map(|key| &key.origin);
    let pair = pair.or(secret.as_ref().map(|secret| &secret.origin));
    match (token, pair) {
        (None, None) => Ok(None),
        (Some(token), Some(pair)) if rank(&token.origin) == rank(pair) => {
            Err(both(&token.origin, pair))
        }
        (Some(token), pair) if pair.is_none_or(|pair| rank(&token.origin) > rank(pair)) => {
            let credentials = read_token(&token)?;
            Ok(Some(Held { credentials, warning: read_by_others(&token) }))
        }
        (_, _) => {
            let warning = secret.as_ref().and_then(read_by_others);
            Ok(Some(Held { credentials: read_pair(key, secret)?, warning }))
        }
    }
}

/// The warning about a file whose secret other users can read.
fn read_by_others(stated: &Written<'_, Stated>) -> Option<Warning> {
    match &stated.value {
        Stated::File(path) if !is_stdin(path) => {
            // A file that cannot be looked at was not read either.
            let is_read = input::is_read_by_others(path).unwrap_or(false);
            is_read.then(|| Warning::SecretReadByOthers(path.clone()))
        }
        Stated::File(_) | Stated::Here(_) => None,
    }
}

fn read_pair(
    key: Option<Written<'_, String>>,
    secret: Option<Written<'_, Stated>>,
) -> Result<Credentials, Complaint> {
    match (key, secret) {
        (Some(key), Some(secret)) => {
            Ok(Credentials::Key { key: key.value, secret: read(&secret)? })
        }
        (Some(key), None) => Err(Complaint::new(
            "the API key has no secret",
            key.origin.place("the secret is missing"),
        )
        .with_help(format!(
            "provide the secret with --api-secret-file FILE (- for standard input) or {SECRET}"
        ))),
        (None, secret) => {
            let place = secret.map(|secret| secret.origin.place("the API key is missing"));
            Err(Complaint::new("the API secret has no API key", place.unwrap_or(Place::Nowhere))
                .with_help(
                    "provide the key with --api-key KEY, OVCHECK_API_KEY, or api-key in the file",
                ))
        }
    }
}

/// The source of a secret: a file, or the secret itself.
enum Stated {
    File(PathBuf),
    Here(Secret),
}

/// The source of a secret: a path on the command line, otherwise the variable that holds the secret
/// itself, otherwise a path from the environment or the file.
fn stated<'a>(
    sources: Sources<'a>,
    variable: &str,
    path: Option<Written<'a, PathBuf>>,
) -> Result<Option<Written<'a, Stated>>, Complaint> {
    let in_file = |path: Written<'a, PathBuf>| Written {
        origin: path.origin.clone(),
        value: Stated::File(if is_stdin(&path.value) { path.value } else { beside_file(path) }),
    };
    if path.as_ref().is_some_and(|path| matches!(path.origin, Origin::Flag(_))) {
        return Ok(path.map(in_file));
    }
    Ok(match sources.variable_called(variable)? {
        Some(text) => Some(Written {
            value: Stated::Here(Secret::new(text)),
            origin: Origin::Environment(variable.to_owned()),
        }),
        None => path.map(in_file),
    })
}

/// The precedence of a source: flags override environment variables, which override the file.
fn rank(origin: &Origin<'_>) -> u8 {
    match origin {
        Origin::Flag(_) => 2,
        Origin::Environment(_) => 1,
        Origin::File(..) => 0,
    }
}

fn both(token: &Origin<'_>, pair: &Origin<'_>) -> Complaint {
    let token = match token {
        Origin::Flag(name) | Origin::Environment(name) => name,
        Origin::File(..) => "token-file",
    };
    let message = format!("an API key cannot be combined with an access token ({token})");
    Complaint::new(message, pair.place("conflicts with the access token")).with_help(
        "provide only one: a token, or an API key with which ovcheck creates its own tokens",
    )
}

fn read_token(stated: &Written<'_, Stated>) -> Result<Credentials, Complaint> {
    let text = text_of(stated)?;
    let token = match saved::token_in(&text) {
        Some(token) => Secret::new(token),
        None => one_word(&text, stated)?,
    };
    let refuse = |what: String| Complaint::new(what, place(stated));
    let claims = token::claims(&token).map_err(|invalid| {
        refuse(format!("this is not an access token: {invalid}")).with_help(
            "copy the whole token, as LiveKit's SDK or `lk token create` prints it; it begins with eyJ",
        )
    })?;
    if !claims.room_join {
        return Err(refuse("the access token has no permission to join a room".to_owned())
            .with_help("create a token with the roomJoin grant"));
    }
    if claims.room.is_none() {
        return Err(refuse("the access token does not name a room".to_owned())
            .with_help("create a token with the room grant, for a room that no participant uses"));
    }
    let signature = token.expose().rsplit('.').next().unwrap_or_default().len();
    if !saved::SIGNATURES.contains(&signature) {
        let message = format!(
            "the access token was not copied whole: its last part has {signature} characters \
             instead of {}",
            saved::SIGNATURES[0]
        );
        return Err(refuse(message).with_help("copy the token again, from eyJ to its end"));
    }
    Ok(Credentials::Token(token))
}

/// The place of a secret: the file that holds it, or the variable.
fn place(stated: &Written<'_, Stated>) -> Place {
    match &stated.value {
        Stated::File(path) => Place::Path(shown(path)),
        Stated::Here(_) => stated.origin.place("this"),
    }
}

fn shown(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a secret, which must be one line.
fn read(stated: &Written<'_, Stated>) -> Result<Secret, Complaint> {
    one_word(&text_of(stated)?, stated)
}

fn text_of(stated: &Written<'_, Stated>) -> Result<String, Complaint> {
    match &stated.value {
        Stated::Here(secret) => Ok(secret.expose().to_owned()),
        Stated::File(path) => read_file(path, &stated.origin),
    }
}

fn one_word(text: &str, stated: &Written<'_, Stated>) -> Result<Secret, Complaint> {
    let refuse = |what: &str, help: &str| Err(Complaint::new(what, place(stated)).with_help(help));
    let text = text.trim();
    if text.is_empty() {
        return refuse("this is empty", "it must contain only the secret or the token");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse(
            "this contains more than one word",
            "it must contain only the secret or the token, without a name, quotes or a second line",
        );
    }
    Ok(Secret::new(text))
}

fn read_file(path: &Path, origin: &Origin<'_>) -> Result<String, Complaint> {
    let read = match is_stdin(path) {
        true => input::read_stdin(SIZE_LIMIT),
        false => input::read(path, SIZE_LIMIT),
    };
    let shown = shown(path);
    let bytes = read.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            Complaint::new("the file is larger than 64 KiB", Place::Path(shown.clone()))
                .with_help("a secret or a token has a few hundred characters; check the file name")
        }
        // The usual slip: the secret itself instead of the file that holds it.
        io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename if !is_in_a_directory(path) => {
            let place = match origin {
                Origin::File(file, span) => {
                    let text = without_values_in_line_of(&file.text, span.start);
                    Place::in_file(&file.path, &text, span.clone(), "this file")
                }
                Origin::Flag(_) | Origin::Environment(_) => origin.place("this file"),
            };
            Complaint::new("there is no such file", place).with_help(format!(
                "provide the path of a file; the value itself can be set in {TOKEN} or {SECRET}"
            ))
        }
        _ => Complaint::new(format!("failed to read {shown}: {error}"), origin.place("this file"))
            .with_help("provide the path of a file that this user can read"),
    })?;
    saved::decoded(bytes).ok_or_else(|| {
        Complaint::new("the file is not UTF-8 text", Place::Path(shown))
            .with_help("a secret or a token is one line of plain text; check the file name")
    })
}

/// Whether a path names a directory that exists. A secret in place of a path does not.
fn is_in_a_directory(path: &Path) -> bool {
    path.parent().is_some_and(|parent| !parent.as_os_str().is_empty() && parent.is_dir())
}
