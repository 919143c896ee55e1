//! The edition of a run in words: what chose it, and whose port tables it has.

use crate::model::deployment::{Edition, PortTables};
use crate::model::edition::{ChosenBy, EditionSign};
use crate::output::text::list;

/// What chose the edition of a run, if nobody declared it, and where its port tables come from, if its own guide
/// was not read.
pub(in crate::output) fn of_run(
    edition: Edition,
    by: Option<ChosenBy>,
    signs: &[EditionSign],
) -> Vec<String> {
    let signs: Vec<&str> = signs.iter().map(|it| sign(*it)).collect();
    let choice = match by {
        Some(ChosenBy::Declared) | None => None,
        Some(ChosenBy::Server) => Some(format!(
            "No guide is set: {edition} is the newest version that fits the server, because {}. Set guide \
             to the installed version.",
            list(&signs)
        )),
        Some(ChosenBy::Default) => Some(format!(
            "No guide is set, and the server did not show its version: {edition} is used. Set guide to the \
             installed version."
        )),
    };
    choice.into_iter().chain(port_tables(edition)).collect()
}

/// The same before anything was asked.
pub(in crate::output) fn of_plan(edition: Edition, by: ChosenBy) -> Vec<String> {
    let choice = (by != ChosenBy::Declared).then(|| {
        format!(
            "No guide is set: {edition} is planned for. `ovcheck check` uses the newest version that fits \
             what the server shows. Set guide to the installed version."
        )
    });
    choice.into_iter().chain(port_tables(edition)).collect()
}

/// The same where only files are read.
pub(in crate::output) fn of_files(edition: Edition, by: ChosenBy) -> Vec<String> {
    let choice = (by != ChosenBy::Declared).then(|| {
        format!("No guide is set: {edition} is used. Set guide to the installed version (--guide).")
    });
    choice.into_iter().chain(port_tables(edition)).collect()
}

fn sign(sign: EditionSign) -> &'static str {
    match sign {
        EditionSign::OldNonce => "the nonce of the TURN server is an old one (3.4 or before)",
        EditionSign::NewNonce => "the nonce of the TURN server is a newer one (3.5 or later)",
    }
}

/// Where the port tables of this edition come from, if its own guide was not read.
fn port_tables(edition: Edition) -> Option<String> {
    Some(match edition.port_tables() {
        PortTables::Own => return None,
        PortTables::Unchanged(of) => format!(
            "The port tables of OpenVidu {of} are used for {edition}: no row is known to have changed \
             between them."
        ),
        PortTables::Amended(of) => format!(
            "The port tables of OpenVidu {of} are used for {edition}, with the rows that its release \
             notes and deployment templates changed."
        ),
        PortTables::BeforeTheGuide(of) => format!(
            "The port tables of OpenVidu {of} are used for {edition}, which is older than the guide for \
             an external proxy."
        ),
    })
}
