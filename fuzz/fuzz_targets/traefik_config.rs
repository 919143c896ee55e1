#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ovcheck_fuzz::traefik_config(bytes));
