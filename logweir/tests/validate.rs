//! `logweir validate` as people and CI call it.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

/// Runs the program in a folder of its own, with nothing of the environment.
fn validate(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_logweir"))
        .arg("validate")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().expect("it ends by itself"), text)
}

/// A folder with our pipeline and lines of all services.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder is made");
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vector-config");
    for (from, to) in [
        ("vector.yml", "vector.yml"),
        ("fixtures/docker-lines.txt", "lines.txt"),
        ("fixtures/stock/vector.yml", "stock.yml"),
    ] {
        fs::copy(files.join(from), folder.path().join(to)).expect("a file is copied");
    }
    folder
}

#[test]
fn exit_codes_say_what_was_found() {
    let folder = folder();
    let path = folder.path();
    let (code, text) = validate(path, &["vector.yml", "--events", "lines.txt"]);
    assert_eq!(code, 0, "{text}");
    let row = |line: &str| line.starts_with("logflare_kong ") && line.contains("cloudflare.logs");
    assert!(text.lines().any(row), "{text}");

    let (code, text) = validate(path, &["stock.yml", "--events", "lines.txt"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("metadata.request.method: expected a string, this is null"), "{text}");
    assert!(text.contains("at:     stock.yml:"), "{text}");

    fs::write(path.join("broken.yml"), "sources: {in: {type: stdin}}\nsinks: {}\n").unwrap();
    let (code, text) = validate(path, &["broken.yml"]);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("Failed to load"), "{text}");
    assert!(text.contains("No sinks defined in the config."), "{text}");

    let (code, text) = validate(path, &["none-*.yml"]);
    assert_eq!(code, 78, "{text}");
    let (code, text) = validate(path, &["vector.yml", "--events", "none.txt"]);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("none.txt: "), "{text}");
}

#[test]
fn reports_and_samples_are_written() {
    let folder = folder();
    let path = folder.path();
    let (code, text) = validate(
        path,
        &[
            "vector.yml",
            "--events",
            "lines.txt",
            "--format",
            "sarif",
            "--output",
            "r.sarif",
            "--update-samples",
            "samples",
        ],
    );
    assert_eq!((code, text.as_str()), (0, ""));
    let report = fs::read_to_string(path.join("r.sarif")).unwrap();
    assert!(report.contains("\"version\": \"2.1.0\""), "{report}");
    let samples = fs::read_to_string(path.join("samples/postgres.logs.json")).unwrap();
    let samples: serde_json::Value = serde_json::from_str(&samples).unwrap();
    assert_eq!(samples[0]["metadata"]["parsed"]["error_severity"], "ERROR");
}

#[test]
fn each_file_may_be_a_configuration() {
    let folder = folder();
    let path = folder.path();
    fs::create_dir(path.join("other")).unwrap();
    fs::copy(path.join("vector.yml"), path.join("other/vector.yml")).unwrap();
    let two = ["vector.yml", "other/vector.yml"];
    let (code, text) = validate(path, &two);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("duplicate source id found: docker_host"), "{text}");
    let (code, text) = validate(path, &["--each", two[0], two[1]]);
    assert_eq!((code, text.matches("√ Loaded").count()), (0, 2), "{text}");
    let (code, _) = validate(path, &["--each", two[0], "none.yml", two[1]]);
    assert_eq!(code, 78);
    let (code, text) = validate(path, &["--each", two[0], two[1], "--format", "sarif"]);
    assert!(code == 78 && text.contains("a report in sarif is about one"), "{text}");
    let (code, text) = validate(path, &["--each", two[0], two[1], "--events", "-"]);
    assert!(code == 78 && text.contains("standard input can be read once"), "{text}");
    let (code, text) = validate(path, &["--each", two[0], "--events", "-"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn what_the_server_repairs_is_not_missed() {
    let folder = folder();
    let (_, text) = validate(
        folder.path(),
        &["stock.yml", "--events", "lines.txt", "--repaired", "cloudflare.logs.prod"],
    );
    assert!(!text.contains("metadata.request.method: expected a string"), "{text}");
    let (code, text) = validate(folder.path(), &["stock.yml", "--repaired", "my.own"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("the server repairs no such source"), "{text}");
}

#[test]
fn what_is_allowed_is_not_said() {
    let folder = folder();
    let allowed = ["stock.yml", "--allow", "buffer,uninterpolated-variable,unfed-source"];
    let (code, text) = validate(folder.path(), &allowed);
    assert_eq!(code, 0, "{text}");
    let (code, text) = validate(folder.path(), &["stock.yml", "--format", "github"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("::error file=stock.yml,line="), "{text}");
}

#[test]
fn what_vector_does_not_start_with_cannot_be_allowed() {
    let folder = folder();
    let path = folder.path();
    fs::write(
        path.join("broken.yml"),
        "sources: {in: {type: stdin}}\ntransforms: {t: {type: remap, inputs: [in], source: '.a = '}}\n\
         sinks: {out: {type: console, inputs: [t], encoding: {codec: json}}}\n",
    )
    .unwrap();
    let (code, text) = validate(path, &["broken.yml"]);
    assert!(code == 78 && text.contains("[vrl-error]"), "{code} {text}");
    let (code, text) = validate(path, &["broken.yml", "--allow", "vrl-error"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("it cannot be allowed"), "{text}");
}

#[test]
fn old_versions_need_the_variables() {
    let folder = folder();
    let (code, text) = validate(folder.path(), &["stock.yml", "--vector-version", "0.53.0-alpine"]);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("name = \"LOGFLARE_PUBLIC_ACCESS_TOKEN\""), "{text}");
}
