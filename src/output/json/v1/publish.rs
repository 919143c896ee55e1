//! How a type of the report is declared, and how it is made from a type of the model.

use std::time::Duration;

use crate::model::deployment::Said;
use crate::output::{quote, text};

/// A value of the model that the report shows as a `P`.
pub(super) trait PublishedAs<P> {
    fn published(&self) -> P;
}

/// Declares types of the report beside the model's types that they show:
///
/// - `struct NameV1 from Model { … }` takes the fields of the same names.
/// - `enum NameV1 from Model { … }` takes the variants of the same names, written in snake_case.
/// - `text NameV1 from Model, …;` is a JSON string: what `Display` writes.
///
/// The model's fields and variants are listed without `..` and without `_`: a new one does not
/// compile until somebody decides how the report shows it.
macro_rules! published {
    () => {};
    (
        $(#[$meta:meta])*
        struct $name:ident from $model:ty {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
        }
        $($rest:tt)*
    ) => {
        #[derive(Debug, serde::Serialize, schemars::JsonSchema)]
        $(#[$meta])*
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl PublishedAs<$name> for $model {
            fn published(&self) -> $name {
                let Self { $($field),* } = self;
                $name { $($field: $field.published(),)* }
            }
        }

        published! { $($rest)* }
    };
    (
        $(#[$meta:meta])*
        enum $name:ident from $model:ty {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident
                $(($inner:ident: $inner_type:ty))?
                $({ $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })?,
            )*
        }
        $($rest:tt)*
    ) => {
        #[derive(Debug, serde::Serialize, schemars::JsonSchema)]
        $(#[$meta])*
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                $variant $(($inner_type))? $({ $($(#[$field_meta])* $field: $type,)* })?,
            )*
        }

        impl PublishedAs<$name> for $model {
            fn published(&self) -> $name {
                match self {
                    $(
                        Self::$variant $(($inner))? $({ $($field),* })? => $name::$variant
                            $(($inner.published()))? $({ $($field: $field.published(),)* })?,
                    )*
                }
            }
        }

        published! { $($rest)* }
    };
    (
        $(#[$meta:meta])*
        text $name:ident from $model:ty as $words:expr;
        $($rest:tt)*
    ) => {
        #[derive(Debug, serde::Serialize, schemars::JsonSchema)]
        $(#[$meta])*
        pub struct $name(String);

        impl PublishedAs<$name> for $model {
            fn published(&self) -> $name {
                let words: fn(&$model) -> String = $words;
                $name(words(self))
            }
        }

        published! { $($rest)* }
    };
    (
        $(#[$meta:meta])*
        text $name:ident from $($model:ty),+;
        $($rest:tt)*
    ) => {
        #[derive(Debug, serde::Serialize, schemars::JsonSchema)]
        $(#[$meta])*
        pub struct $name(String);

        $(
            impl PublishedAs<$name> for $model {
                fn published(&self) -> $name {
                    $name(self.to_string())
                }
            }
        )+

        published! { $($rest)* }
    };
}
pub(super) use published;

macro_rules! published_as_itself {
    ($($type:ty),+) => {
        $(
            impl PublishedAs<$type> for $type {
                fn published(&self) -> $type {
                    *self
                }
            }
        )+
    };
}

published_as_itself!(bool, u8, u16, u32, u64, i32, i64, usize, f64);

/// Words may quote a server: they keep no character that drives a terminal.
impl PublishedAs<String> for String {
    fn published(&self) -> String {
        quote::shown(&text::clean(self))
    }
}

/// Milliseconds.
impl PublishedAs<u64> for Duration {
    fn published(&self) -> u64 {
        u64::try_from(self.as_millis()).unwrap_or(u64::MAX)
    }
}

impl<M: PublishedAs<P>, P> PublishedAs<Box<P>> for Box<M> {
    fn published(&self) -> Box<P> {
        Box::new(self.as_ref().published())
    }
}

impl<M: PublishedAs<P>, P> PublishedAs<Option<P>> for Option<M> {
    fn published(&self) -> Option<P> {
        self.as_ref().map(PublishedAs::published)
    }
}

impl<M: PublishedAs<P>, P> PublishedAs<Vec<P>> for Vec<M> {
    fn published(&self) -> Vec<P> {
        self.iter().map(PublishedAs::published).collect()
    }
}

impl<M: PublishedAs<P> + Ord, P> PublishedAs<Option<Vec<P>>> for Said<M> {
    fn published(&self) -> Option<Vec<P>> {
        match self {
            Self::Unsaid => None,
            Self::Listed(listed) => Some(listed.iter().map(PublishedAs::published).collect()),
        }
    }
}
