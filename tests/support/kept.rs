//! Files of the repository that hold what the program prints or makes.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What is wrong with the file at `path`, from the root of the repository; `None` when it holds
/// `wanted`. With `OVCHECK_BLESS` set, the file is rewritten instead.
pub fn difference(path: impl AsRef<Path>, wanted: &str) -> Option<String> {
    let path = repository().join(path);
    if std::env::var_os("OVCHECK_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, wanted).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    (kept != wanted).then(|| {
        format!("{} differs (OVCHECK_BLESS=1 rewrites it); it should be:\n{wanted}", path.display())
    })
}

/// Fails unless the file at `path` holds `wanted`; with `OVCHECK_BLESS` set, rewrites it.
pub fn assert_kept(path: impl AsRef<Path>, wanted: &str) {
    if let Some(difference) = difference(path, wanted) {
        panic!("{difference}");
    }
}
