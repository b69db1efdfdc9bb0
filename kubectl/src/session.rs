//! What lasts from one command to the next: the namespace in use, and what discovery said.

use crate::call::Call;
use crate::commands;
use crate::discovery::Resources;
use crate::failure::Failure;
use crate::flags;
use crate::host::{Host, Stream};
use crate::lookup::{self, Found};
use crate::words::{self, Line};
use std::cell::RefCell;
use std::rc::Rc;

/// What lasts from one command to the next, in front of one cluster.
#[derive(Debug, Default)]
pub struct Session {
    resources: RefCell<Option<Rc<Resources>>>,
    namespace: RefCell<Option<String>>,
}

impl Session {
    /// Runs what was typed. Returns the exit code.
    pub async fn run(&self, host: &dyn Host, typed: &str) -> u8 {
        match words::parse(typed) {
            Ok(line) => self.run_line(host, &line).await,
            Err(error) => {
                host.print(Stream::Err, &format!("error: {error}\n"));
                1
            }
        }
    }

    /// Runs a line that was taken apart. Returns the exit code.
    pub async fn run_line(&self, host: &dyn Host, line: &Line) -> u8 {
        match self.try_line(host, line).await {
            Ok(()) => 0,
            Err(failure) => {
                let lines = failure.lines();
                if !lines.is_empty() {
                    host.print(Stream::Err, &lines);
                }
                failure.code()
            }
        }
    }

    async fn try_line(&self, host: &dyn Host, line: &Line) -> Result<(), Failure> {
        let (command, words) = match lookup::find(&line.words)? {
            Found::Command(command, words) => (command, words),
            Found::Help(text) => {
                host.print(Stream::Out, &text);
                return Ok(());
            }
        };
        let given = flags::parse(command.name, &[command.flags, &[commands::GLOBAL]].concat(), &words)?;
        if given.has("as") || given.has("as-group") {
            return Err(Failure::error("this console asks as you: --as and --as-group are not available in it"));
        }
        let call = Call { host, session: self, command: command.name, given, input: line.input.as_deref() };
        (command.run)(&call).await
    }

    /// The namespace that commands are about which name none.
    pub(crate) fn namespace(&self) -> String {
        self.namespace.borrow().clone().unwrap_or_else(|| "default".to_owned())
    }

    /// Sets that namespace; the usual one where it is empty.
    pub(crate) fn set_namespace(&self, namespace: &str) {
        *self.namespace.borrow_mut() = (!namespace.is_empty()).then(|| namespace.to_owned());
    }

    /// What discovery says; asked for once.
    pub(crate) async fn resources(&self, call: &Call<'_>) -> Result<Rc<Resources>, Failure> {
        let known = self.resources.borrow().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let found = Rc::new(Resources::ask(call).await?);
        *self.resources.borrow_mut() = Some(Rc::clone(&found));
        Ok(found)
    }
}
