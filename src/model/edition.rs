//! How the edition of the guide is chosen where nobody declares it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::deployment::{Deployment, Edition, Modules};
use super::word_list::word_list;

word_list! {
    /// What chose the edition of a run.
    pub enum ChosenBy {
        /// A flag, a variable or the deployment file.
        Declared = "declared",
        /// What the server showed of its version.
        Server = "server",
        /// Nothing: it is the newest one that has everything that is declared.
        Default = "default",
    }
}

word_list! {
    /// What shows the version of a server without credentials.
    pub enum EditionSign {
        /// The nonce of the TURN server is that of pion up to v4.1.1 (OpenVidu 3.4).
        OldNonce = "old-nonce",
        /// It is that of pion since v4.1.2 (OpenVidu 3.5).
        NewNonce = "new-nonce",
    }
}

impl EditionSign {
    /// The editions whose servers show it.
    pub fn editions(self) -> RangeInclusive<Edition> {
        match self {
            Self::OldNonce => Edition::ALL[0]..=Edition::V3_4,
            Self::NewNonce => Edition::V3_5..=Edition::NEWEST,
        }
    }
}

/// How the edition of a run was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditionChoice {
    pub by: ChosenBy,
    /// What the server showed, if it was asked. Not empty where it chose.
    pub signs: Vec<EditionSign>,
}

impl EditionChoice {
    /// A choice without the server.
    pub fn by(by: ChosenBy) -> Self {
        Self { by, signs: Vec::new() }
    }
}

/// The newest edition that has everything that is declared, and whose servers show all of these signs;
/// `None`: there is none.
pub fn newest(deployment: &Deployment, signs: &[EditionSign]) -> Option<Edition> {
    let is_possible = |edition: &Edition| {
        let knows_modules = match &deployment.modules {
            Modules::Listed(modules) => {
                modules.iter().all(|module| edition.modules().contains(module))
            }
            Modules::Unsaid => true,
        };
        knows_modules
            && edition.policies().contains(&deployment.policy)
            && signs.iter().all(|sign| sign.editions().contains(edition))
    };
    Edition::ALL.into_iter().rev().find(is_possible)
}
