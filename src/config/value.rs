//! Parsers for single values, shared by flags, environment and file.

mod address;
mod node;
mod punycode;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::complaint::help_for_unknown;
use crate::model::deployment::{Edition, Feature, Module};
use crate::model::name::{DomainName, InvalidDomainName};
use crate::model::probe::{SweepTarget, UdpRate};
use crate::model::word_list::WordList;

pub use address::{address, connect_to, dns_server, resolve, stun_server};
pub use node::{NodeFlag, PrivateFlag, node_name};

/// Why a value was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidValue {
    /// What is wrong: starts in lower case, without a full stop.
    pub message: String,
    /// How to correct it.
    pub help: Option<String>,
}

impl InvalidValue {
    /// A value that was rejected because of `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for InvalidValue {}

/// A word of a closed list.
///
/// # Errors
/// For an unknown word. The help suggests a similar word or lists all of them.
pub fn word<T: WordList>(text: &str) -> Result<T, InvalidValue> {
    T::from_word(text).ok_or_else(|| {
        let known: Vec<&str> = T::all().iter().map(|value| value.word()).collect();
        InvalidValue::new(format!("unknown value \"{text}\""))
            .with_help(help_for_unknown(text, &known))
    })
}

/// [`word`] for a flag. The help of the flag lists the words and their meaning.
pub fn word_parser<T: WordList>() -> impl TypedValueParser<Value = T> {
    words_parser(T::all())
}

/// The same for a flag that takes only some of the words.
pub fn words_parser<T: WordList>(words: &[T]) -> impl TypedValueParser<Value = T> + use<T> {
    let described = |value: &T| PossibleValue::new(value.word()).help(value.meaning());
    PossibleValuesParser::new(words.iter().map(described)).try_map(|text| word(&text))
}

/// A domain name.
///
/// # Errors
/// For anything else. For a URL, the help suggests the domain name in it.
pub fn domain_name(text: &str) -> Result<DomainName, InvalidValue> {
    if let Some(name) = name_before_port(text) {
        return Err(InvalidValue::new(format!("\"{text}\" is a domain name and a port"))
            .with_help(format!("use {name}; the ports are those of the guide")));
    }
    text.parse().map_err(|error| match error {
        InvalidDomainName::IsUrl(_) => {
            let refused = InvalidValue::new(format!("\"{text}\" is a URL, not a domain name"));
            match name_in_url(text) {
                Some(name) => refused.with_help(format!("use {name}")),
                None => refused.with_help("use only the domain name"),
            }
        }
        InvalidDomainName::IsAddress => {
            InvalidValue::new(format!("\"{text}\" is an address, not a domain name"))
                .with_help("use the name, because certificates and the proxy depend on it")
        }
        InvalidDomainName::NotAscii => {
            let refused = InvalidValue::new(format!("\"{text}\" has letters outside ASCII"));
            match punycode::domain_name(text) {
                Some(name) => refused.with_help(format!("use {name}")),
                None => refused.with_help(error.to_string()),
            }
        }
        InvalidDomainName::SingleLabel
        | InvalidDomainName::TooLong
        | InvalidDomainName::BadLabel(_) => {
            InvalidValue::new(format!("\"{text}\" is not a domain name"))
                .with_help(error.to_string())
        }
    })
}

/// The name in `NAME:PORT`.
fn name_before_port(text: &str) -> Option<DomainName> {
    let (name, port) = text.rsplit_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| is_port)
}

/// An edition of the guide: a version of OpenVidu, `3.9` or `3.9.1`.
///
/// # Errors
/// For any other text. The help names the edition that applies to a version of OpenVidu.
pub fn edition(text: &str) -> Result<Edition, InvalidValue> {
    if let Some(edition) = version_in(text).and_then(edition_of) {
        return Ok(edition);
    }
    let refused = InvalidValue::new(format!("there is no edition \"{text}\" of the guide"));
    let Some((major, minor)) = version_in(text) else {
        return Err(refused.with_help(help_for_unknown(text, &Edition::ALL.map(Edition::word))));
    };
    Err(refused.with_help(match edition_for(major, minor) {
        Some(edition) => format!("for OpenVidu {text} use {edition}, the newest edition before it"),
        None => format!("the oldest edition is {}", Edition::ALL[0]),
    }))
}

fn version_in(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    Some((parts.next()??, parts.next()??))
}

fn edition_of(version: (u32, u32)) -> Option<Edition> {
    Edition::ALL.into_iter().find(|edition| version_in(edition.word()) == Some(version))
}

/// The newest edition that is not newer than this version of OpenVidu.
pub fn edition_for(major: u32, minor: u32) -> Option<Edition> {
    let mut newest_first = Edition::ALL.into_iter().rev();
    newest_first.find(|edition| version_in(edition.word()).is_some_and(|it| it <= (major, minor)))
}

fn name_in_url(text: &str) -> Option<DomainName> {
    let behind_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = behind_scheme.split('/').next()?;
    let host = authority.split(':').next()?;
    host.parse().ok()
}

/// The name of a vantage point: 1 to 64 printable characters, because every report shows it.
///
/// # Errors
/// For an empty or long text, and for control characters.
pub fn vantage_name(text: &str) -> Result<String, InvalidValue> {
    let length = text.chars().count();
    if !(1..=64).contains(&length) || text.chars().any(char::is_control) {
        return Err(InvalidValue::new("a vantage name must have 1 to 64 printable characters"));
    }
    Ok(text.to_owned())
}

/// The path of a file or directory.
///
/// # Errors
/// For an empty text.
pub fn path(text: &str) -> Result<PathBuf, InvalidValue> {
    if text.is_empty() {
        return Err(InvalidValue::new("the path is empty"));
    }
    Ok(PathBuf::from(text))
}

/// An API key: printable characters without spaces.
///
/// # Errors
/// For everything else.
pub fn api_key(text: &str) -> Result<String, InvalidValue> {
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(InvalidValue::new("an API key must not be empty or contain spaces"));
    }
    Ok(text.to_owned())
}

/// A number of seconds for `--timeout`: 0.2 to 30.
///
/// # Errors
/// If the text is not a number, or is out of range.
pub fn timeout(text: &str) -> Result<Duration, InvalidValue> {
    seconds(text, "timeout", 0.2, 30.0)
}

/// A number of seconds for `--deadline`: 1 to 600.
///
/// # Errors
/// If the text is not a number, or is out of range.
pub fn deadline(text: &str) -> Result<Duration, InvalidValue> {
    seconds(text, "deadline", 1.0, 600.0)
}

/// A number of seconds for `--hold`: 1 to 120.
///
/// # Errors
/// If the text is not a number, or is out of range.
pub fn hold(text: &str) -> Result<Duration, InvalidValue> {
    seconds(text, "hold", 1.0, 120.0)
}

/// A number of datagrams per second for `--udp-rate`: 100 to 200,000.
///
/// # Errors
/// If the text is not a whole number, or is out of range.
pub fn udp_rate(text: &str) -> Result<UdpRate, InvalidValue> {
    text.parse().ok().and_then(UdpRate::new).ok_or_else(|| {
        InvalidValue::new("udp-rate must be between 100 and 200000 datagrams per second")
            .with_help("use a whole number without a unit, such as 2000")
    })
}

/// An address or the name of a node, for `--sweep`.
///
/// # Errors
/// If the text is neither.
pub fn sweep(text: &str) -> Result<SweepTarget, InvalidValue> {
    match text.parse() {
        Ok(name) => Ok(SweepTarget::Node(name)),
        Err(_) => address(text).map(SweepTarget::Address),
    }
}

/// A time such as `90s`, `15m` or `1h`, between these two.
///
/// # Errors
/// For any other text, and outside of them.
pub fn time_between(text: &str, least: Duration, most: Duration) -> Result<Duration, InvalidValue> {
    duration_up_to(most, text).filter(|time| *time >= least).ok_or_else(|| {
        InvalidValue::new(format!(
            "must be a time between {} and {}, such as 90s, 15m or 1h",
            in_units(least),
            in_units(most)
        ))
    })
}

/// `90` or `90s`, `5m`, `1h` or `7d`: more than nothing, and at most `longest`; `None` for anything else.
pub fn duration_up_to(longest: Duration, text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let seconds = match unit {
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => 1,
    };
    let number: u64 = number.parse().ok()?;
    let duration = number.checked_mul(seconds).map(Duration::from_secs);
    duration.filter(|it| !it.is_zero() && *it <= longest)
}

/// The same in the largest unit in which it is a whole number.
fn in_units(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 86_400 == 0 && seconds > 86_400 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// `true` or `false`, for a flag that can also be given without a value.
///
/// # Errors
/// For any other text.
pub fn yes_or_no(text: &str) -> Result<bool, InvalidValue> {
    text.parse().map_err(|_| {
        InvalidValue::new(format!("\"{text}\" is neither true nor false"))
            .with_help("use true or false")
    })
}

fn seconds(text: &str, key: &str, least: f64, most: f64) -> Result<Duration, InvalidValue> {
    let number: f64 = text.parse().map_err(|_| {
        InvalidValue::new(format!("\"{text}\" is not a number of seconds"))
            .with_help(format!("use a number between {least} and {most}, without a unit"))
    })?;
    if !(least..=most).contains(&number) {
        return Err(InvalidValue::new(format!("{key} must be between {least} and {most} seconds")));
    }
    Ok(Duration::from_secs_f64(number))
}

/// `FEATURE[,FEATURE]`, or `none` for an empty list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features(pub BTreeSet<Feature>);

impl FromStr for Features {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        words_or_none(text).map(Self)
    }
}

/// `MODULE[,MODULE]`, or `none` for an empty list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleList(pub BTreeSet<Module>);

impl FromStr for ModuleList {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        words_or_none(text).map(Self)
    }
}

fn words_or_none<T: WordList + Ord>(text: &str) -> Result<BTreeSet<T>, InvalidValue> {
    if text == "none" {
        return Ok(BTreeSet::new());
    }
    text.split(',').map(|one| word(one.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_lie_in_their_range() {
        assert_eq!(timeout("1.3"), Ok(Duration::from_millis(1300)));
        assert_eq!(timeout("2"), Ok(Duration::from_secs(2)));
        assert_eq!(
            timeout("0.1").unwrap_err().to_string(),
            "timeout must be between 0.2 and 30 seconds"
        );
        for refused in ["0.1", "31", "-1", "NaN", "inf", "1e300", "1 s", ""] {
            assert!(timeout(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_url_is_refused_with_the_name_in_it() {
        assert_eq!(
            domain_name("https://openvidu.example.io:443/rtc").unwrap_err().help,
            Some("use openvidu.example.io".to_owned())
        );
    }

    #[test]
    fn a_name_that_is_nearly_right_is_refused_with_the_right_one() {
        let help = |text: &str| domain_name(text).unwrap_err().help.unwrap();
        assert_eq!(
            help("openvidu.example.io:443"),
            "use openvidu.example.io; the ports are those of the guide"
        );
        assert_eq!(help("bücher.example"), "use xn--bcher-kva.example");
        assert_eq!(help("openvidu.Größe.例え.jp"), "use openvidu.xn--gre-6ka8i.xn--r8jz45g.jp");
    }

    #[test]
    fn every_version_of_openvidu_3_is_an_edition() {
        for minor in 0..=9 {
            assert_eq!(edition(&format!("3.{minor}")).unwrap().word(), format!("3.{minor}"));
        }
        assert_eq!(edition("3.4.1"), Ok(Edition::V3_4));
        let help = |text: &str| edition(text).unwrap_err().help.unwrap();
        assert_eq!(help("3.10"), "for OpenVidu 3.10 use 3.9, the newest edition before it");
        assert_eq!(help("2.30"), "the oldest edition is 3.0");
        assert!(help("latest").starts_with("use one of 3.0, 3.1"));
    }

    #[test]
    fn no_feature_in_use_is_another_thing_than_nothing_said() {
        assert_eq!("none".parse(), Ok(Features(BTreeSet::new())));
        assert_eq!(
            "rtmp,whip".parse(),
            Ok(Features(BTreeSet::from([Feature::Rtmp, Feature::Whip])))
        );
        assert_eq!("rtmp, whip".parse::<Features>(), "rtmp,whip".parse());
        assert_eq!(
            "rtmp,whpi".parse::<Features>().unwrap_err().to_string(),
            "unknown value \"whpi\"; did you mean \"whip\"?"
        );
    }
}
