//! Access tokens: made once, kept in a file that only its owner can read, compared in constant time. Each is of a user
//! with a role.

use crate::config::{DATA_DIR_HELP, default_data_dir};
use crate::failure::Failure;
use clap::Args;
use kubarium_core::apiserver::{Role, User};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Name of the token's file in a data directory.
pub const TOKEN_FILE: &str = "token";

const TOKEN_BYTES: usize = 32;

/// Flags of `kubarium token`.
#[derive(Args, Debug)]
pub struct TokenArguments {
    #[arg(long, value_name = "DIR", help = DATA_DIR_HELP)]
    data_dir: Option<PathBuf>,
    /// What the bearer may do: `view` reads everything but secrets, `edit` also writes what lives in namespaces and
    /// reaches into pods, `admin` may do everything.
    #[arg(long, value_name = "ROLE", default_value = "admin", value_parser = role)]
    role: Role,
    /// Name of the user. By default that of the role.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Reads the name of a role.
pub fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| "roles are view, edit and admin".to_owned())
}

/// The name of a role.
pub const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Edit => "edit",
        Role::View | Role::Nobody => "view",
    }
}

/// A secret that lets its bearer use the API. Never shown by `Debug`.
#[derive(Clone)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl From<String> for Token {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl Token {
    /// Whether `given` is this token. Takes the same time wherever they differ.
    fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The secret itself, to be handed to its owner.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The tokens of a file: one a line, each with the role and the name of its user. Without them it is the administrator's.
#[derive(Clone, Debug)]
pub struct Tokens(Vec<(Token, Arc<User>)>);

impl Tokens {
    /// Reads a file of tokens.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure::usage(format!("cannot read the token file {}: {e}", path.display())))?;
        let refuse = |line: usize, why: &str| {
            let file = path.display();
            Failure::usage(format!("the token file {file}, line {line}: {why}; `kubarium token` makes such files"))
        };
        let mut tokens = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (token, role, name) = match words.as_slice() {
                [token] => (*token, "admin", "admin"),
                [token, role] => (*token, *role, *role),
                [token, role, name] => (*token, *role, *name),
                _ => return Err(refuse(index + 1, "a line is a token, a role and a name")),
            };
            if token.len() < 16 || !token.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(refuse(index + 1, "a token has at least 16 printable characters"));
            }
            let role = Role::parse(role).ok_or_else(|| refuse(index + 1, "roles are view, edit and admin"))?;
            tokens.push((Token(token.to_owned()), Arc::new(User::named(name, role))));
        }
        if tokens.is_empty() {
            return Err(refuse(1, "there is no token in it"));
        }
        Ok(Self(tokens))
    }

    /// The first token of such a user, for who uses the file as a client.
    pub fn find(self, wanted: impl Fn(&User) -> bool) -> Option<Token> {
        self.0.into_iter().find(|(_, user)| wanted(user)).map(|(token, _)| token)
    }

    /// Whose token that is.
    pub fn user(&self, given: &str) -> Option<&Arc<User>> {
        // All are looked at, so that the time does not say which was nearly right.
        let mut found = None;
        for (token, user) in &self.0 {
            if token.matches(given) {
                found = Some(user);
            }
        }
        found
    }

    /// The tokens of a data directory; makes the administrator's where there are none.
    pub fn of(data_dir: &Path) -> Result<Self, Failure> {
        let path = data_dir.join(TOKEN_FILE);
        if !path.exists() {
            Self::read_or_make(data_dir, Role::Admin, role_word(Role::Admin))?;
        }
        Self::read(&path)
    }

    /// The token of a user in the data directory; makes one where there is none.
    fn read_or_make(data_dir: &Path, role: Role, name: &str) -> Result<Token, Failure> {
        let path = data_dir.join(TOKEN_FILE);
        if path.exists() {
            let user = User::named(name, role);
            if let Some(token) = Self::read(&path)?.find(|known| *known == user) {
                return Ok(token);
            }
        }
        let mut bytes = [0u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|e| Failure::running(format!("no random numbers to be had: {e}")))?;
        let token = crate::hex::hex(&bytes);
        append_private(&path, &format!("{token} {} {name}", role_word(role)))
            .map_err(|e| Failure::usage(format!("cannot write the token file {}: {e}", path.display())))?;
        Ok(Token(token))
    }
}

fn append_private(path: &Path, line: &str) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(path)?, "{line}")
}

/// `kubarium token`.
pub fn run(arguments: &TokenArguments) -> Result<(), Failure> {
    let dir = match &arguments.data_dir {
        Some(dir) => dir.clone(),
        None => default_data_dir()?,
    };
    let name = arguments.name.as_deref().unwrap_or(role_word(arguments.role));
    if name.is_empty() || name.chars().any(char::is_whitespace) {
        return Err(Failure::usage("--name: a name is one word"));
    }
    let token = Tokens::read_or_make(&dir, arguments.role, name)?;
    println!("{}", token.reveal());
    Ok(())
}
