//! A certificate authority of the laboratory: root, intermediate, and leaves that are right or
//! wrong in one way each.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};

use super::command::Fallible;

/// Writes `root.pem` and a file per chain, with its key in `CHAIN.pem.key`:
///
/// | file | what the server sends with it |
/// | --- | --- |
/// | `api.pem`, `turn.pem` | right: leaf and intermediate |
/// | `both.pem`, `both-renewed.pem` | right, for both names; the second one made an hour ago |
/// | `changing.pem` | one of these two, as a situation says |
/// | `turn-wrong-name.pem` | a leaf for another name |
/// | `turn-bare.pem`, `api-bare.pem` | the leaf alone, which says where the intermediate is to be had (AIA) |
/// | `turn-expired.pem` | a leaf of the year 2020 |
/// | `api-expired.pem` | a leaf that expired three days ago |
/// | `api-new.pem` | right, and made an hour ago |
/// | `api-wrong-name.pem` | a leaf for another name |
/// | `api-lonely.pem`, `api-logged.pem` | the leaf alone, without AIA; the second one with SCTs |
/// | `api-self-signed.pem`, `turn-self-signed.pem` | a certificate that signed itself |
/// | `api-cn-only.pem` | a leaf without subjectAltName |
/// | `api-old-issuer.pem` | a leaf that is good, and an intermediate that has expired |
/// | `api-shuffled.pem` | leaf, root, intermediate |
/// | `api-future.pem` | a leaf that is not valid yet |
/// | `api-renewed.pem`, `api-before.pem` | a leaf after its renewal, and the expired one before |
/// | `api-six-days.pem` | a leaf for six days, of which it is the second |
/// | `api-p521.pem` | self-signed, with a key that few clients take |
/// | `office-api.pem`, `office-turn.pem` | what a firewall that inspects TLS shows instead |
/// | `office-portal.pem` | that of a captive portal |
pub fn write(folder: &Path) -> Fallible<()> {
    let made = make().map_err(|e| format!("make certificates: {e}"))?;
    made.into_iter().try_for_each(|(name, text)| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| format!("write {path:?}: {e}"))
    })?;
    write_p521(folder)
}

/// What ring cannot make, OpenSSL can.
fn write_p521(folder: &Path) -> Fallible<()> {
    let made = std::process::Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-nodes", "-days", "300", "-newkey", "ec"])
        .args(["-pkeyopt", "ec_paramgen_curve:secp521r1", "-subj", "/CN=openvidu.example.io"])
        .args(["-addext", "subjectAltName=DNS:openvidu.example.io"])
        .args(["-keyout", "api-p521.pem.key", "-out", "api-p521.pem"])
        .output()
        .map_err(|e| format!("openssl: {e}"))?;
    match made.status.success() {
        true => Ok(()),
        false => Err(format!("openssl: {}", String::from_utf8_lossy(&made.stderr))),
    }
}

fn make() -> Result<Vec<(String, String)>, rcgen::Error> {
    let root_key = KeyPair::generate()?;
    let root_params = authority("Laboratory Root");
    let root = root_params.self_signed(&root_key)?;
    let root_issuer = Issuer::new(root_params, root_key);

    let intermediate_key = KeyPair::generate()?;
    let intermediate_params = authority("Laboratory Intermediate");
    let intermediate = intermediate_params.signed_by(&intermediate_key, &root_issuer)?.pem();
    let mut old_params = authority("Laboratory Intermediate");
    old_params.not_after = date_time_ymd(2026, 4, 12);
    let old_intermediate = old_params.signed_by(&intermediate_key, &root_issuer)?.pem();
    let issuer = Issuer::new(intermediate_params, intermediate_key);

    let key = KeyPair::generate()?;
    let leaf_with = |name: &str, change: &dyn Fn(&mut CertificateParams)| {
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2099, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params.custom_extensions = vec![authority_information_access()];
        params.serial_number = Some(next_serial());
        change(&mut params);
        Ok::<String, rcgen::Error>(params.signed_by(&key, &issuer)?.pem())
    };
    let leaf = |name: &str, last_year: i32| {
        leaf_with(name, &|params| params.not_after = date_time_ymd(last_year, 1, 1))
    };
    let api_with =
        |change: &dyn Fn(&mut CertificateParams)| leaf_with("openvidu.example.io", change);
    let now = Duration::from_secs(now_s());
    let epoch = date_time_ymd(1970, 1, 1);
    let api_expired = api_with(&|params| params.not_after = epoch + (now - 3 * DAY))?;
    let api_new = api_with(&|params| params.not_before = epoch + (now - DAY / 24))?;
    let api_wrong_name = leaf("openvidu.example.org", 2099)?;
    let api_lonely = api_with(&|params| params.custom_extensions.clear())?;
    let api_logged = api_with(&|params| params.custom_extensions = vec![signed_timestamps()])?;
    let self_signed = |name: &str| {
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        Ok::<String, rcgen::Error>(params.self_signed(&key)?.pem())
    };
    let cn_only = api_with(&|params| params.subject_alt_names.clear())?;
    let future = api_with(&|params| params.not_before = date_time_ymd(2098, 1, 1))?;
    let renewed = api_with(&|params| params.not_before = date_time_ymd(2024, 1, 1))?;
    let before = leaf("openvidu.example.io", 2025)?;
    let six_days = api_with(&|params| {
        params.not_before = epoch + (now - DAY);
        params.not_after = epoch + (now + 5 * DAY);
    })?;
    let both_since = |since| {
        api_with(&|params| {
            let turn = "turn.example.io".try_into().expect("it is a name");
            params.subject_alt_names.push(SanType::DnsName(turn));
            params.not_before = since;
        })
    };
    let both = both_since(date_time_ymd(2019, 1, 1))?;
    let both_renewed = both_since(epoch + (now - DAY / 24))?;
    let api = leaf("openvidu.example.io", 2099)?;
    let turn = leaf("turn.example.io", 2099)?;
    let wrong_name = leaf("turn.example.org", 2099)?;
    let expired = leaf("turn.example.io", 2020)?;
    let office = office(&key)?;
    let chains = [
        ("api.pem", api.clone() + &intermediate),
        ("turn.pem", turn.clone() + &intermediate),
        ("changing.pem", both.clone() + &intermediate),
        ("both.pem", both + &intermediate),
        ("both-renewed.pem", both_renewed + &intermediate),
        ("turn-wrong-name.pem", wrong_name + &intermediate),
        ("turn-expired.pem", expired + &intermediate),
        ("api-cn-only.pem", cn_only + &intermediate),
        ("api-old-issuer.pem", api.clone() + &old_intermediate),
        ("api-shuffled.pem", api.clone() + &root.pem() + &intermediate),
        ("api-future.pem", future + &intermediate),
        ("api-renewed.pem", renewed + &intermediate),
        ("api-before.pem", before + &intermediate),
        ("api-six-days.pem", six_days + &intermediate),
        ("turn-bare.pem", turn),
        ("api-bare.pem", api),
        ("api-expired.pem", api_expired + &intermediate),
        ("api-new.pem", api_new + &intermediate),
        ("api-wrong-name.pem", api_wrong_name + &intermediate),
        ("api-lonely.pem", api_lonely),
        ("api-logged.pem", api_logged),
        ("api-self-signed.pem", self_signed("openvidu.example.io")?),
        ("turn-self-signed.pem", self_signed("turn.example.io")?),
    ];
    let mut files = vec![("root.pem".to_owned(), root.pem())];
    for (name, chain) in chains.into_iter().chain(office) {
        // Where HAProxy looks for the key of a certificate.
        files.push((format!("{name}.key"), key.serialize_pem()));
        files.push((name.to_owned(), chain));
    }
    Ok(files)
}

const DAY: Duration = Duration::from_secs(86_400);

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "certificates are made for the day of the test")]
fn now_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The list of signed certificate timestamps that public authorities embed (RFC 6962 §3.3). Its
/// content is nobody's.
fn signed_timestamps() -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], vec![4, 2, 0, 0])
}

/// Chains of an authority that only the machines of one office trust.
fn office(key: &KeyPair) -> Result<[(&'static str, String); 3], rcgen::Error> {
    let own_key = KeyPair::generate()?;
    let params = authority("Office Firewall CA");
    let own = params.self_signed(&own_key)?.pem();
    let issuer = Issuer::new(params, own_key);
    let chain = |name: &str| -> Result<String, rcgen::Error> {
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(next_serial());
        Ok(params.signed_by(key, &issuer)?.pem() + &own)
    };
    Ok([
        ("office-api.pem", chain("openvidu.example.io")?),
        ("office-turn.pem", chain("turn.example.io")?),
        ("office-portal.pem", chain("portal.cafe.example")?),
    ])
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(next_serial());
    params
}

/// Firefox rejects a certificate with the issuer and the serial number of another one. By itself, rcgen makes
/// the number of the key, and leaves share theirs.
fn next_serial() -> SerialNumber {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    SerialNumber::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// RFC 5280 §4.2.2.1: one `caIssuers` entry with a URI, in DER.
fn authority_information_access() -> CustomExtension {
    const ID_AD_CA_ISSUERS: [u8; 10] = [6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    let uri = b"http://ca.example.io/intermediate.der";
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    let mut entry = ID_AD_CA_ISSUERS.to_vec();
    entry.extend([0x86, length(uri)]);
    entry.extend(uri);
    let mut list = vec![0x30, length(&entry)];
    list.extend(&entry);
    let mut content = vec![0x30, length(&list)];
    content.extend(&list);
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], content)
}
