//! What a real server says to those whom it does not let in, and what it shows when it is set up
//! in another way.
