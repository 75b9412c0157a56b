//! The access tokens: chosen by the operator, or made on the first start and kept.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{TryRngCore as _, rngs::OsRng};
use serde::{Deserialize, Serialize};
use store::AccessTokens;

use crate::{data_dir::DataDir, settings::ChosenTokens};

const FILE: &str = "tokens.json";

/// Random bytes of a token that we make.
const RANDOM_BYTES: usize = 32;

/// The tokens of this start.
pub(crate) struct Tokens {
    public: Token,
    private: Token,
}

/// A token and where it comes from.
struct Token {
    text: String,
    made_now: bool,
}

/// What the token file holds. Only tokens that we made are in it.
#[derive(Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    #[serde(skip_serializing_if = "Option::is_none")]
    public: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<String>,
}

/// Why tokens could not be read, made or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokensError {
    /// The file is there, but not as we write it.
    #[error("{path} cannot be read: {error}. Repair it, or delete it to have new tokens made")]
    Unreadable {
        /// The token file.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// The file cannot be written.
    #[error(
        "tokens cannot be kept in {path}: {error}. Set {missing}, or LOGWEIR_DATA_DIR to a folder \
         that this program may write to"
    )]
    Unwritable {
        /// The token file.
        path: PathBuf,
        /// What the system said.
        error: String,
        /// The variables that would make the file unnecessary.
        missing: String,
    },
    /// The system gave no random bytes.
    #[error("the system has no random numbers for tokens: {0}")]
    Random(rand::rand_core::OsError),
}

impl ChosenTokens {
    /// The variables of the tokens that were not chosen, to name in messages; empty when both were.
    pub(crate) fn missing(&self) -> String {
        let public = self.public.is_none().then_some("LOGFLARE_PUBLIC_ACCESS_TOKEN");
        let private = self.private.is_none().then_some("LOGFLARE_PRIVATE_ACCESS_TOKEN");
        public.into_iter().chain(private).collect::<Vec<_>>().join(" and ")
    }
}

impl Tokens {
    /// Takes the chosen tokens; reads a missing one from the data folder, or makes and keeps it.
    ///
    /// `data_dir` is made and used only when a token is missing. A chosen token is never written.
    pub(crate) fn resolve(chosen: &ChosenTokens, data_dir: &Path) -> Result<Self, TokensError> {
        if let ChosenTokens { public: Some(public), private: Some(private) } = chosen {
            return Ok(Self { public: Token::known(public), private: Token::known(private) });
        }
        let path = data_dir.join(FILE);
        let unwritable = |error: &dyn fmt::Display| TokensError::Unwritable {
            path: path.clone(),
            error: error.to_string(),
            missing: chosen.missing(),
        };
        DataDir::create(data_dir).map_err(|error| unwritable(&error.reason()))?;
        // Two programs that start at once with one data folder agree on the tokens. Where the
        // file system has no locks, the last one to write wins.
        let folder = File::open(data_dir);
        let _locked = folder.as_ref().is_ok_and(|folder| folder.lock().is_ok());

        let before = Kept::read(&path)?;
        let mut kept = before.clone();
        let tokens = Self {
            public: Token::chosen_kept_or_made(chosen.public.as_ref(), &mut kept.public)?,
            private: Token::chosen_kept_or_made(chosen.private.as_ref(), &mut kept.private)?,
        };
        if kept != before {
            kept.write(&path).map_err(|error| unwritable(&error))?;
        }
        Ok(tokens)
    }

    /// What the server checks requests against.
    pub(crate) fn access(&self) -> AccessTokens {
        AccessTokens::new(&self.public.text, &self.private.text)
    }

    /// What a newcomer needs to use the tokens that were made on this start; none on later ones.
    pub(crate) fn introduction(&self, url: &str, data_dir: &Path) -> Option<String> {
        let made = [
            (&self.public, "public token, for Vector (sends events)", "PUBLIC"),
            (&self.private, "private token, for Studio (asks queries)", "PRIVATE"),
        ];
        let lines: Vec<String> = made
            .into_iter()
            .filter(|(token, ..)| token.made_now)
            .map(|(token, use_, name)| {
                format!("  {use_}:\n    LOGFLARE_{name}_ACCESS_TOKEN={}\n", token.text)
            })
            .collect();
        if lines.is_empty() {
            return None;
        }
        let file = data_dir.join(FILE);
        Some(format!(
            "Logweir made access tokens. They are shown only now, and kept in {}.\n{}  \
             Send one with each request to {url} as the header `x-api-key: <token>`.\n",
            file.display(),
            lines.concat()
        ))
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Token {
    fn known(text: &str) -> Self {
        Self { text: text.to_owned(), made_now: false }
    }

    fn chosen_kept_or_made(
        chosen: Option<&String>,
        kept: &mut Option<String>,
    ) -> Result<Self, TokensError> {
        match (chosen, &kept) {
            (Some(text), _) | (None, Some(text)) => Ok(Self::known(text)),
            (None, None) => {
                let text = random_text().map_err(TokensError::Random)?;
                *kept = Some(text.clone());
                Ok(Self { text, made_now: true })
            }
        }
    }
}

impl Kept {
    fn read(path: &Path) -> Result<Self, TokensError> {
        let read = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        };
        read.map_err(|error| TokensError::Unreadable { path: path.to_owned(), error })
    }

    /// Replaces the file in one step, so that a crash leaves the old one or the new one.
    fn write(&self, path: &Path) -> io::Result<()> {
        let next = path.with_extension("json.new");
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&next)?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&next, path)
    }
}

/// Random text that needs no quoting in a URL, a header or a shell.
fn random_text() -> Result<String, rand::rand_core::OsError> {
    let mut bytes = [0; RANDOM_BYTES];
    OsRng.try_fill_bytes(&mut bytes)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn chosen(public: Option<&str>, private: Option<&str>) -> ChosenTokens {
        ChosenTokens { public: public.map(str::to_owned), private: private.map(str::to_owned) }
    }

    fn texts(tokens: &Tokens) -> (&str, &str) {
        (&tokens.public.text, &tokens.private.text)
    }

    #[test]
    fn missing_tokens_are_made_once_kept_privately_and_shown_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = Tokens::resolve(&chosen(None, None), dir.path()).unwrap();
        let (public, private) = texts(&first);
        assert_ne!(public, private);
        for token in [public, private] {
            assert_eq!(token.len(), 43);
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        }
        let shown = first.introduction("http://localhost:4000", dir.path()).unwrap();
        assert!(shown.contains(public) && shown.contains(private), "{shown}");
        assert!(shown.contains("http://localhost:4000"), "{shown}");
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let later = Tokens::resolve(&chosen(None, None), dir.path()).unwrap();
        assert_eq!(texts(&later), texts(&first));
        assert_eq!(later.introduction("http://localhost:4000", dir.path()), None);
    }

    #[test]
    fn a_chosen_token_wins_and_is_never_written() {
        let dir = tempfile::tempdir().unwrap();
        let first = Tokens::resolve(&chosen(Some("mine"), None), dir.path()).unwrap();
        assert_eq!(first.public.text, "mine");
        let shown = first.introduction("http://localhost:4000", dir.path()).unwrap();
        assert!(!shown.contains("mine") && shown.contains(&first.private.text), "{shown}");
        let file = fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(!file.contains("mine"), "{file}");

        // Now the other way round: the kept one stays kept, the other is added.
        let second = Tokens::resolve(&chosen(None, Some("own")), dir.path()).unwrap();
        assert_eq!(second.private.text, "own");
        let third = Tokens::resolve(&chosen(None, None), dir.path()).unwrap();
        assert_eq!(texts(&third), (&*second.public.text, &*first.private.text));
    }

    #[test]
    fn with_both_chosen_the_folder_is_not_touched() {
        let nowhere = Path::new("/dev/null/folder");
        let tokens = Tokens::resolve(&chosen(Some("a"), Some("b")), nowhere).unwrap();
        assert_eq!(texts(&tokens), ("a", "b"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_names_the_variables() {
        let nowhere = Path::new("/dev/null/folder");
        let error = Tokens::resolve(&chosen(Some("a"), None), nowhere).unwrap_err().to_string();
        assert!(
            error.contains("Set LOGFLARE_PRIVATE_ACCESS_TOKEN, or LOGWEIR_DATA_DIR"),
            "{error}"
        );
    }

    #[test]
    fn a_damaged_file_is_reported_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        fs::write(&file, "{").unwrap();
        let error = Tokens::resolve(&chosen(None, None), dir.path()).unwrap_err();
        assert!(matches!(error, TokensError::Unreadable { .. }), "{error}");
        assert_eq!(fs::read_to_string(file).unwrap(), "{");
    }
}
