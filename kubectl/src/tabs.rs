//! Columns of text, aligned as Go's `tabwriter` does it: a column is a run of lines that all have a cell in it, and what
//! follows a line's last tab belongs to none.

/// How wide columns are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// How wide at least, padding included.
    pub(crate) width_min: usize,
    /// How much is added to the widest cell.
    pub(crate) padding: usize,
}

/// Tables of `get`.
pub(crate) const TABLE: Style = Style { width_min: 6, padding: 3 };

/// Descriptions.
pub(crate) const DESCRIPTION: Style = Style { width_min: 0, padding: 2 };

/// Aligns text whose cells end in tabs.
pub(crate) fn align(text: &str, style: Style) -> String {
    let lines: Vec<Vec<&str>> = text.split('\n').map(|line| line.split('\t').collect()).collect();
    let mut out = String::with_capacity(text.len() * 2);
    Aligner { lines, style, widths: Vec::new(), out: &mut out }.format(0, None);
    // Splitting made one line more than there are.
    out.pop();
    out
}

/// Rows of a table in columns. Those that come later are as wide as those before, or wider: `widths` keeps it.
pub(crate) fn columns(rows: &[Vec<String>], widths: &mut Option<Vec<usize>>) -> String {
    let now = self::widths(rows, TABLE);
    let wide: Vec<usize> = match widths.as_ref() {
        // Columns may grow, and do not shrink.
        Some(before) => now.iter().enumerate().map(|(at, w)| before.get(at).map_or(*w, |b| *b.max(w))).collect(),
        None => now,
    };
    let mut out = String::new();
    for row in rows {
        let last = row.len().saturating_sub(1);
        for (at, cell) in row.iter().enumerate() {
            match wide.get(at).filter(|_| at < last) {
                Some(width) => out.push_str(&padded(cell, *width)),
                None => out.push_str(cell),
            }
        }
        out.push('\n');
    }
    *widths = Some(wide);
    out
}

fn widths(rows: &[Vec<String>], style: Style) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| length(c)).max();
    (0..columns).map(|c| (width(c).unwrap_or_default() + style.padding).max(style.width_min)).collect()
}

fn length(cell: &str) -> usize {
    cell.chars().count()
}

/// A cell as wide as its column.
fn padded(cell: &str, width: usize) -> String {
    format!("{cell}{}", " ".repeat(width.saturating_sub(length(cell))))
}

struct Aligner<'t> {
    lines: Vec<Vec<&'t str>>,
    style: Style,
    widths: Vec<usize>,
    out: &'t mut String,
}

impl Aligner<'_> {
    /// Writes lines from `first` on, all of whose columns so far have their widths.
    fn format(&mut self, first: usize, end: Option<usize>) {
        let end = end.unwrap_or(self.lines.len());
        let column = self.widths.len();
        let has = |lines: &[Vec<&str>], line: usize| lines.get(line).is_some_and(|cells| column + 1 < cells.len());
        let mut written = first;
        let mut line = first;
        while line < end {
            if !has(&self.lines, line) {
                line += 1;
                continue;
            }
            self.write(written, line);
            let begin = line;
            let mut width = self.style.width_min;
            while line < end && has(&self.lines, line) {
                width = width.max(self.lines[line].get(column).map_or(0, |cell| length(cell)) + self.style.padding);
                line += 1;
            }
            self.widths.push(width);
            self.format(begin, Some(line));
            self.widths.pop();
            written = line;
        }
        self.write(written, end);
    }

    fn write(&mut self, first: usize, end: usize) {
        for cells in self.lines.get(first..end).unwrap_or_default() {
            for (index, cell) in cells.iter().enumerate() {
                match self.widths.get(index) {
                    Some(width) => self.out.push_str(&padded(cell, *width)),
                    None => self.out.push_str(cell),
                }
            }
            self.out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_run_of_lines() {
        let text = "Name:\ta\nLong name:\tb\nEvents:\t<none>\nplain\n  x\ty\n";
        let expected = "Name:       a\nLong name:  b\nEvents:     <none>\nplain\n  x  y\n";
        assert_eq!(align(text, DESCRIPTION), expected);
        assert_eq!(align("NAME\tAGE\nalpha\t5s\n", TABLE), "NAME    AGE\nalpha   5s\n");
        assert_eq!(align("A\tB\nx\t\n", TABLE), "A     B\nx     \n");
    }
}
