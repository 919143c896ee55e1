//! Whose port tables an edition has, in words.

use crate::model::deployment::{Edition, PortTables};

/// Where the port tables of this edition come from, if its own guide was not read.
pub(in crate::output) fn port_tables(edition: Edition) -> Option<String> {
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
