//! Enumerations whose values are words that operators write and reports show.

/// An enumeration made by `word_list!`: its values and their spelling are known as data, so that
/// a parser, a help text and an error message need no list of their own.
pub trait WordList: Copy + Send + Sync + 'static {
    /// Every value, in the order in which it is listed for people.
    fn all() -> &'static [Self];

    /// The spelling of the value.
    fn word(self) -> &'static str;

    /// What the value stands for, as its documentation says it; `None` where the word says it all.
    fn meaning(self) -> Option<&'static str>;

    /// The value with this spelling.
    fn from_word(text: &str) -> Option<Self> {
        Self::all().iter().copied().find(|value| value.word() == text)
    }
}

/// Declares an enumeration in which each value has one spelling, for files, flags and reports.
macro_rules! word_list {
    (
        $(#[$about:meta])+
        pub enum $name:ident {
            $($(#[doc = $doc:literal])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$about])+
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[doc = $doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in the order in which it is listed for people.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// Their spellings, in the same order.
            pub const WORDS: [&'static str; [$($word),+].len()] = [$($word),+];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::model::word_list::WordList::word(*self))
            }
        }

        impl $crate::model::word_list::WordList for $name {
            fn all() -> &'static [Self] {
                &Self::ALL
            }

            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            fn meaning(self) -> Option<&'static str> {
                let documentation = match self {
                    $(Self::$variant => concat!($($doc),*).trim().trim_end_matches('.'),)+
                };
                Some(documentation).filter(|text| !text.is_empty())
            }
        }
    };
}

pub(crate) use word_list;
