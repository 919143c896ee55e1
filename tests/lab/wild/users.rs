//! Users, and who can help them.

use super::super::users::User;

pub const USERS: &[User] = &[];
