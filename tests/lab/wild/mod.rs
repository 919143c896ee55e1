//! Situations that people report in public, by kind.

mod behind;
mod browser;
mod firewall;
mod forgers;
mod names;
mod nodes;
mod odds;
mod place;
mod proxies;
mod remedies;
mod silence;
mod speakers;
mod users;

use super::situations::Situation;
use super::users::User;
pub use odds::behind_loopback;

pub const SITUATIONS: &[&[Situation]] = &[
    silence::SITUATIONS,
    place::SITUATIONS,
    browser::SITUATIONS,
    speakers::SITUATIONS,
    behind::SITUATIONS,
    names::SITUATIONS,
    odds::SITUATIONS,
    forgers::SITUATIONS,
    remedies::SITUATIONS,
    firewall::SITUATIONS,
    proxies::SITUATIONS,
    nodes::SITUATIONS,
];

pub const USERS: &[&[User]] = &[users::USERS];
