//! By what right a call joins: an access token, or an API key and its secret.
//!
//! A secret comes from a file, from standard input or from the environment, never from the command
//! line, where every user of the machine can read it, and never from the deployment file, which is
//! passed around.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::file::FileShape;
use super::flags::Flags;
use super::sources::{Origin, Sources, Written};
use super::{beside_file, value};
use crate::complaint::{Complaint, Place};
use crate::model::secret::{Credentials, Secret};
use crate::proto::livekit::token;

/// The variable that holds a token itself.
const TOKEN: &str = "OVCHECK_TOKEN";
/// The variable that holds an API secret itself.
const SECRET: &str = "OVCHECK_API_SECRET";
/// The most bytes that are read of a token or a secret; they have some hundred.
const SIZE_LIMIT: u64 = 64 * 1024;

/// The credentials, if there are any.
///
/// What stands in one place (flags, environment, file) goes before whatever stands in a lower one:
/// a token on the command line before a key in the deployment file. In one place there is a token
/// or a key, not both.
pub(super) fn credentials(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
) -> Result<Option<Credentials>, Complaint> {
    let token = stated(
        sources,
        TOKEN,
        sources.one(
            "token-file",
            value::path,
            flags.token_file.as_ref(),
            shape.token_file.as_ref(),
        )?,
    );
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
    );
    let pair = key.as_ref().map(|key| &key.origin);
    let pair = pair.or(secret.as_ref().map(|secret| &secret.origin));
    match (token, pair) {
        (None, None) => Ok(None),
        (Some(token), Some(pair)) if rank(&token.origin) == rank(pair) => {
            Err(both(&token.origin, pair))
        }
        (Some(token), pair) if pair.is_none_or(|pair| rank(&token.origin) > rank(pair)) => {
            read_token(&token).map(Some)
        }
        (_, _) => read_pair(key, secret).map(Some),
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
            "an API key without its secret opens nothing",
            key.origin.place("without a secret"),
        )
        .with_help(format!(
            "give the secret too: --api-secret-file FILE (- for standard input), or {SECRET}"
        ))),
        (None, secret) => {
            let place = secret.map(|secret| secret.origin.place("without a key"));
            Err(Complaint::new(
                "an API secret without its key opens nothing",
                place.unwrap_or(Place::Nowhere),
            )
            .with_help("give the key too: --api-key KEY, OVCHECK_API_KEY, or api-key in the file"))
        }
    }
}

/// Where a secret is to be had.
enum Stated {
    File(PathBuf),
    Here(Secret),
}

/// What says where a secret is: the path on the command line, else the variable that holds the
/// secret itself, else a path of elsewhere.
fn stated<'a>(
    sources: Sources<'a>,
    variable: &str,
    path: Option<Written<'a, PathBuf>>,
) -> Option<Written<'a, Stated>> {
    let in_file = |path: Written<'a, PathBuf>| Written {
        origin: path.origin.clone(),
        value: Stated::File(if is_stdin(&path.value) { path.value } else { beside_file(path) }),
    };
    if path.as_ref().is_some_and(|path| matches!(path.origin, Origin::Flag(_))) {
        return path.map(in_file);
    }
    let here = (sources.environment)(variable).filter(|text| !text.trim().is_empty());
    match here {
        Some(text) => Some(Written {
            value: Stated::Here(Secret::new(text)),
            origin: Origin::Environment(variable.to_owned()),
        }),
        None => path.map(in_file),
    }
}

/// A flag goes before the environment, the environment before the file.
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
    Complaint::new(format!("an access token is given too ({token})"), pair.place("beside a token"))
        .with_help("give one of them: a token joins as it says, with a key ovcheck makes its own")
}

fn read_token(stated: &Written<'_, Stated>) -> Result<Credentials, Complaint> {
    let token = read(stated)?;
    let refuse = |what: String| Complaint::new(what, place(stated));
    let claims = token::claims(&token).map_err(|invalid| {
        refuse(format!("no access token: {invalid}")).with_help(
            "take the token as LiveKit's SDK or `lk token create` prints it, and nothing else",
        )
    })?;
    if !claims.room_join {
        return Err(refuse("this token does not let anybody join a room".to_owned())
            .with_help("make one with the grant roomJoin"));
    }
    if claims.room.is_none() {
        return Err(refuse("this token names no room to join".to_owned())
            .with_help("make one with the grant room, best of a room that nobody uses"));
    }
    Ok(Credentials::Token(token))
}

/// The place of what was read: the file that holds it, or the variable.
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

/// The one line that a token or a secret is.
fn read(stated: &Written<'_, Stated>) -> Result<Secret, Complaint> {
    let text = match &stated.value {
        Stated::Here(secret) => secret.expose().to_owned(),
        Stated::File(path) => read_file(path, &stated.origin)?,
    };
    let refuse = |what: &str, help: &str| Err(Complaint::new(what, place(stated)).with_help(help));
    let text = text.trim();
    if text.is_empty() {
        return refuse(
            "there is nothing in it",
            "it holds the secret or the token, and nothing else",
        );
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse(
            "there is more in it than one word",
            "it holds the secret or the token, and nothing else: no name before it, no quotes, no \
             second line",
        );
    }
    Ok(Secret::new(text))
}

fn read_file(path: &Path, origin: &Origin<'_>) -> Result<String, Complaint> {
    let mut bytes = Vec::new();
    let read = if is_stdin(path) {
        io::stdin().take(SIZE_LIMIT + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes))
    };
    let shown = shown(path);
    read.map_err(|error| {
        Complaint::new(format!("failed to read {shown}: {error}"), origin.place("this file"))
            .with_help("give the path of a file that this user may read")
    })?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(Complaint::new("longer than 64 KiB", Place::Path(shown))
            .with_help("a secret or a token has some hundred characters; is it another file?"));
    }
    String::from_utf8(bytes).map_err(|_| {
        Complaint::new("not UTF-8 text", Place::Path(shown))
            .with_help("a secret or a token is one line of plain text; is it another file?")
    })
}
