//! Raw faces → faces of the model.

use serde_spanned::Spanned;

use super::files::RuleFile;
use super::firewall::Firewall;
use super::raw::{FacesFile, RawFace};
use super::shared::{Converted, parse};
use super::texts::remedy;
use super::values::{filled, line, title};
use crate::complaint::Complaint;
use crate::model::face::{Face, FaceSigns, IntentionRemedy};

/// Converts the file of faces and adds its contents.
pub(super) fn add(
    file: &RuleFile,
    firewall: &Firewall,
    into: &mut Converted,
) -> Result<(), Complaint> {
    let raw: FacesFile = parse(file)?;
    for raw in &raw.intention {
        let says = *raw.says.get_ref();
        if into.intentions.iter().any(|known| known.says == says) {
            return Err(file
                .complaint(raw.says.span(), "two remedies are for one intention", "again here")
                .with_help("combine their steps in one of them"));
        }
        let steps = remedy(file, &raw.remedy, firewall)?;
        into.intentions.push(IntentionRemedy { says, steps });
    }
    for raw in &raw.face {
        let face = face(file, firewall, raw, into)?;
        into.faces.push(face);
    }
    Ok(())
}

fn face(
    file: &RuleFile,
    firewall: &Firewall,
    raw: &RawFace,
    known: &Converted,
) -> Result<Face, Complaint> {
    let id = line(file, &raw.id)?;
    if known.faces.iter().any(|face| face.id == id) {
        let message = format!("two faces have the id \"{id}\"");
        return Err(file
            .complaint(raw.id.span(), message, "used again here")
            .with_help("use another id"));
    }
    let says = *raw.says.get_ref();
    if !known.intentions.iter().any(|known| known.says == says) {
        return Err(file
            .complaint(raw.says.span(), "no remedy is for this intention", "has no remedy")
            .with_help("add an [[intention]] with this \"says\" above the faces"));
    }
    let remedy = raw.remedy.as_ref().map(|steps| remedy(file, steps, firewall)).transpose()?;
    Ok(Face {
        id,
        who: line(file, &raw.who)?,
        says,
        whose: raw.whose,
        signs: signs(file, raw)?,
        means: title(file, &raw.means)?,
        remedy: remedy.unwrap_or_default(),
    })
}

fn signs(file: &RuleFile, raw: &RawFace) -> Result<FaceSigns, Complaint> {
    let statuses = raw.status.as_ref().map(|statuses| filled(file, statuses)).transpose()?;
    let signs = FaceSigns {
        statuses: statuses.cloned().unwrap_or_default(),
        server: sign(file, raw.server.as_ref())?,
        header: sign(file, raw.header.as_ref())?,
        title: sign(file, raw.title.as_ref())?,
        body: sign(file, raw.body.as_ref())?,
        text: sign(file, raw.text.as_ref())?,
        location: sign(file, raw.location.as_ref())?,
        is_empty: raw.empty,
    };
    // 511 has one meaning (RFC 6585 §6), whoever says it.
    let of_any_speaker = FaceSigns { statuses: signs.statuses.clone(), ..FaceSigns::default() };
    if signs == of_any_speaker && signs.statuses != [511] {
        return Err(file
            .complaint(raw.id.span(), "this face has no sign", "anybody could be meant")
            .with_help(
                "add \"server\", \"header\", \"title\", \"body\", \"text\" or \"location\"",
            ));
    }
    Ok(signs)
}

fn sign(file: &RuleFile, raw: Option<&Spanned<String>>) -> Result<Option<String>, Complaint> {
    let Some(raw) = raw else { return Ok(None) };
    let text = line(file, raw)?;
    if text.to_lowercase() != text {
        return Err(file
            .complaint(raw.span(), "a sign must be in lower case", "has capital letters")
            .with_help(format!("write \"{}\"", text.to_lowercase())));
    }
    // White space around it may be what makes it unlike others.
    Ok(Some(raw.get_ref().clone()))
}
