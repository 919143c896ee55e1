//! Reads configuration files and says what they do: bytes in, facts out. It opens no file and judges nothing.

pub mod env;
pub mod openvidu;
