//! A typed line as a shell would take it: words, quotes, here-documents. Everything else of a shell is refused with a
//! sentence that says what to do instead.

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its words, without `kubectl`.
    pub words: Vec<String>,
    /// What a here-document gives the command to read.
    pub input: Option<String>,
}

/// Reads what was typed. Empty and commented-out lines have no words.
pub fn parse(text: &str) -> Result<Line, String> {
    let text = text.trim();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (command, input) = match here_document(first)? {
        Some((command, end)) => {
            let lines = rest.lines().take_while(|line| *line != end);
            (command, Some(lines.flat_map(|line| [line, "\n"]).collect()))
        }
        // A line may go on after a backslash.
        None => (text.replace("\\\n", " "), None),
    };
    let mut words: Vec<String> = split(&command)?.into_iter().map(|word| word.text).collect();
    if words.first().is_some_and(|word| word == "$") {
        words.remove(0);
    }
    if words.first().is_some_and(|word| word == "kubectl" || word == "k") {
        words.remove(0);
    }
    Ok(Line { words, input })
}

/// The command of a line with `<<END`, and `END`. `cat <<END | kubectl ...` is the same as `kubectl ... <<END`.
fn here_document(line: &str) -> Result<Option<(String, String)>, String> {
    let Some((before, after)) = line.split_once("<<") else { return Ok(None) };
    let after = after.trim_start_matches('-').trim_start();
    let (end, tail) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
    let end = end.trim_matches(['\'', '"']).to_owned();
    if end.is_empty() {
        return Err("a here-document begins with << and a word, such as <<EOF".to_owned());
    }
    let command = match tail.trim().strip_prefix('|') {
        Some(command) if before.trim() == "cat" => command.to_owned(),
        _ => format!("{before} {tail}"),
    };
    Ok(Some((command, end)))
}

/// A word and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without quotes.
    pub(crate) text: String,
    /// The byte at which it begins.
    pub(crate) start: usize,
}

/// The words of a line, each with its place.
pub(crate) fn split(line: &str) -> Result<Vec<Word>, String> {
    let mut words: Vec<Word> = Vec::new();
    let mut open: Option<Word> = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(open.take()),
            '#' if open.is_none() => break,
            '\'' | '"' => {
                let word = open.get_or_insert_with(|| Word { start: at, ..Word::default() });
                loop {
                    match chars.next() {
                        Some((_, end)) if end == c => break,
                        Some((_, '\\')) if c == '"' => match chars.next() {
                            Some((_, escaped)) if "\"\\$`".contains(escaped) => word.text.push(escaped),
                            Some((_, other)) => word.text.extend(['\\', other]),
                            None => return Err(unclosed(c)),
                        },
                        Some((_, other)) => word.text.push(other),
                        None => return Err(unclosed(c)),
                    }
                }
            }
            '\\' => {
                let word = open.get_or_insert_with(|| Word { start: at, ..Word::default() });
                word.text.extend(chars.next().map(|(_, c)| c));
            }
            '|' | ';' | '&' | '>' | '<' | '`' => return Err(no_shell(c)),
            '$' if chars.peek().is_some_and(|(_, next)| *next == '(' || *next == '{') => return Err(no_shell(c)),
            c => open.get_or_insert_with(|| Word { start: at, ..Word::default() }).text.push(c),
        }
    }
    words.extend(open);
    Ok(words)
}

fn unclosed(quote: char) -> String {
    format!("a quote ({quote}) is not closed")
}

fn no_shell(sign: char) -> String {
    let instead = match sign {
        '|' => "select with -l, -o jsonpath or -o custom-columns instead of a pipe",
        ';' | '&' => "type one command at a time",
        '>' | '<' => "output stays here; a manifest is read with -f - or a here-document (<<EOF)",
        _ => "type names out",
    };
    format!("'{sign}' is a shell's, and this console is none: {instead}. Quote it where it is meant as it stands.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_a_shells() {
        for (text, expected) in [
            ("kubectl get pods", vec!["get", "pods"]),
            ("$ k get  pods # all of them", vec!["get", "pods"]),
            ("get -o jsonpath='{.items[*]}{\"\\n\"}'", vec!["get", "-o", "jsonpath={.items[*]}{\"\\n\"}"]),
            (r#"patch -p "{\"a\": 1}""#, vec!["patch", "-p", "{\"a\": 1}"]),
            ("label pod a\\ b ''", vec!["label", "pod", "a b", ""]),
            ("get pods \\\n  -A", vec!["get", "pods", "-A"]),
            ("  # nothing", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(parse(text).expect(text).words, expected, "{text}");
        }
        for (text, word) in
            [("get pods | wc", "'|'"), ("get 'pods", "not closed"), ("get $(x)", "'$'"), ("a > b", "'>'")]
        {
            let error = parse(text).expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn a_here_document_is_what_the_command_reads() {
        for text in ["kubectl apply -f - <<EOF\na: 1\nb: 2\nEOF\n", "cat <<'EOF' | kubectl apply -f -\na: 1\nb: 2\nEOF"]
        {
            let line = parse(text).expect(text);
            assert_eq!(line.words, ["apply", "-f", "-"]);
            assert_eq!(line.input.as_deref(), Some("a: 1\nb: 2\n"));
        }
    }
}
