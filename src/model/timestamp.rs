//! Points in time, as data.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A point in time to the second, in UTC; written as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time this many seconds after 1970-01-01T00:00:00Z (negative: before).
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// The time in a text of RFC 3339, to the second; `None` for any other text.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Some(Self(time.unix_timestamp()))
    }

    /// Seconds from `earlier` to this time, negative when `earlier` is the later one.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The day in UTC, as `2026-11-28`; `after 9999` for what certificates may also carry.
    pub fn date(self) -> String {
        let time = OffsetDateTime::from_unix_timestamp(self.0);
        time.map_or_else(|_| "after 9999".to_owned(), |time| time.date().to_string())
    }

    /// The day in UTC.
    pub fn day(self) -> Date {
        let time = OffsetDateTime::from_unix_timestamp(self.0);
        Date(time.map_or(time::Date::MAX, OffsetDateTime::date))
    }

    /// This time moved back by `duration` (whole seconds).
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub_unsigned(duration.as_secs()))
    }

    /// This time moved on by `duration` (whole seconds).
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add_unsigned(duration.as_secs()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Certificates may carry dates beyond year 9999, which RFC 3339 cannot write.
        let text = OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|time| time.format(&Rfc3339).ok());
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} s after 1970", self.0),
        }
    }
}

/// A day, written as `2026-11-28`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date(time::Date);

/// A text that is not a [`Date`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a date; write it as YYYY-MM-DD, such as 2027-01-31")]
pub struct InvalidDate(String);

impl Date {
    /// The last day that can be written: for what has no end.
    pub const LAST: Self = Self(time::macros::date!(9999 - 12 - 31));
}

impl FromStr for Date {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
        let text = text.trim();
        time::Date::parse(text, FORM).map(Self).map_err(|_| InvalidDate(text.to_owned()))
    }
}

impl TryFrom<String> for Date {
    type Error = InvalidDate;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_day_that_exists() {
        assert_eq!("2028-02-29".parse::<Date>().unwrap().to_string(), "2028-02-29");
        for wrong in
            ["2027-02-29", "2027-13-01", "31.12.2026", "2026-12", "2026-12-31T00:00:00Z", ""]
        {
            assert!(wrong.parse::<Date>().is_err(), "{wrong}");
        }
        let second_of_1970 = Timestamp::from_unix_seconds(86_400);
        assert_eq!(second_of_1970.day().to_string(), "1970-01-02");
    }
}
