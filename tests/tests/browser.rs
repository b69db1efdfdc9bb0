//! The dashboard in a real Chromium.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::browser::{Browser, Failure, Look, serve_files};
use std::path::PathBuf;

/// Serves the bundle as plain files.
async fn bundle() -> Result<String, Failure> {
    let dist = std::env::var("KUBARIUM_DIST").map_or_else(|_| PathBuf::from("../dist"), PathBuf::from);
    assert!(dist.join("index.html").exists(), "{} holds no bundle; cargo xtask web builds it", dist.display());
    serve_files(&dist).await
}

#[tokio::test]
async fn the_page_loads_from_plain_files_without_an_error() -> Result<(), Failure> {
    let browser = Browser::open(Look::default()).await?;
    browser.goto(&bundle().await?).await?;
    browser.until("the page is mounted", "document.body.children.length > 0").await?;
    assert_eq!(browser.console().await?, Vec::<String>::new(), "the console is quiet");
    browser.close().await
}
