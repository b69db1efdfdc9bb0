//! What a command needs of the world outside.

use kubarium_core::Time;
use kubarium_core::apiserver::{Request, Response};
use std::future::Future;
use std::pin::Pin;

/// Something that is still to come.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Where something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What was asked for.
    Out,
    /// What went wrong, and what is to be known besides.
    Err,
}

/// The world outside of a command. A command that shall end early is simply no longer polled.
pub trait Host {
    /// Asks the API. The error says why there is no answer at all.
    fn request(&self, request: Request) -> Pending<'_, Result<Response, String>>;

    /// The cluster's time.
    fn now(&self) -> Time;

    /// Waits, in the cluster's time where that can be had.
    fn sleep(&self, milliseconds: u32) -> Pending<'_, ()>;

    /// Prints text as it is.
    fn print(&self, stream: Stream, text: &str);

    /// The text of a file; `-` is what is typed. None where there is no such file.
    fn read(&self, name: &str) -> Pending<'_, Option<String>>;

    /// Lets a person change a text. None where they do not want to.
    fn edit(&self, text: String) -> Pending<'_, Option<String>>;

    /// The address of the API, as people see it.
    fn server(&self) -> String;
}
