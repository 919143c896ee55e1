//! Which edition of the guide what a server shows is taken for, where none is declared.

use ovcheck::evaluate::edition_signs;
use ovcheck::model::deployment::{Deployment, Edition, Module, Modules, Policy};
use ovcheck::model::edition::{EditionSign, newest};
use ovcheck::model::observation::{Blindness, Outcome};
use ovcheck::model::probe::ProbeSpec;

use crate::world::{World, world};

const LOST: Outcome = Outcome::Blind(Blindness::DeadlineSpent);

/// A right deployment of this edition.
fn server_of(edition: Edition) -> World {
    world(Policy::Default).declared(|deployment| deployment.edition = edition)
}

fn signs(world: &World) -> Vec<EditionSign> {
    edition_signs(&world.report().observations)
}

fn deployment() -> Deployment {
    world(Policy::Default).report().deployment
}

#[test]
fn the_newest_edition_that_fits_what_a_server_shows_is_taken() {
    for edition in Edition::ALL {
        let taken = if edition < Edition::V3_5 { Edition::V3_4 } else { Edition::NEWEST };
        let signs = signs(&server_of(edition));
        assert_eq!(newest(&deployment(), &signs), Some(taken), "{edition}: {signs:?}");
    }
}

#[test]
fn an_edition_that_lacks_what_is_declared_is_not_taken() {
    let old = Deployment { modules: Modules::Listed([Module::App].into()), ..deployment() };
    assert_eq!(newest(&old, &signs(&server_of(Edition::V3_4))), Some(Edition::V3_3));
    // Nothing fits a server that is newer than what is declared.
    assert_eq!(newest(&old, &signs(&server_of(Edition::V3_9))), None);
    let new = Deployment { policy: Policy::Udp443, ..deployment() };
    assert_eq!(newest(&new, &signs(&server_of(Edition::V3_2))), None);
}

#[test]
fn a_server_that_does_not_answer_shows_nothing() {
    let silent =
        server_of(Edition::V3_2).but(|spec| matches!(spec, ProbeSpec::Turn { .. }).then_some(LOST));
    assert_eq!(signs(&silent), []);
}
