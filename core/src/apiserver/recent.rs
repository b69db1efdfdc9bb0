//! What was met lately, by a mark of it.

/// How many values of a sort are remembered.
const KEPT_MAX: usize = 512;

/// Values that were met lately, each with a mark that is equal for equal ones. A mark decides only what is forgotten.
#[derive(Debug)]
pub(super) struct Recent<T> {
    /// Of each place the mark, and which value it is.
    places: Vec<(u64, usize)>,
    values: Vec<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { places: Vec::new(), values: Vec::new() }
    }
}

/// Which of the two places of a mark is its own: the one that has it, else one that is free, else the first. With one place
/// for each, some of a hundred that come again and again would push each other out.
fn place(places: &[(u64, usize)], mark: u64) -> usize {
    let [first, second] = [mark, mark >> 32].map(|mark| (mark % KEPT_MAX as u64) as usize);
    let rank = |at: usize| match places.get(at) {
        Some((known, _)) if *known == mark => 0,
        Some((0, _)) | None => 1,
        Some(_) => 2,
    };
    if rank(first) <= rank(second) { first } else { second }
}

/// Which value has that mark; none where none has.
fn find(places: &[(u64, usize)], mark: u64) -> Option<usize> {
    places.get(place(places, mark)).filter(|(known, _)| *known == mark).map(|(_, value)| *value)
}

/// Which value gets that mark, where there are so many.
fn claim(places: &mut Vec<(u64, usize)>, mark: u64, values: usize) -> usize {
    places.resize(KEPT_MAX, (0, usize::MAX));
    let at = place(places, mark);
    let value = places[at].1.min(values);
    places[at] = (mark, value);
    value
}

impl<T> Recent<T> {
    /// What has that mark.
    pub(super) fn get(&self, mark: u64) -> Option<&T> {
        self.values.get(find(&self.places, mark)?)
    }

    /// Remembers a value.
    pub(super) fn put(&mut self, mark: u64, value: T) {
        let at = claim(&mut self.places, mark, self.values.len());
        match self.values.get_mut(at) {
            Some(other) => *other = value,
            None => self.values.push(value),
        }
    }
}

impl<T: Clone + Eq> Recent<T> {
    /// An earlier value that equals this one, or else this.
    pub(super) fn shared(&mut self, mark: u64, value: T) -> T {
        match self.get(mark) {
            Some(known) if *known == value => known.clone(),
            _ => {
                self.put(mark, value.clone());
                value
            }
        }
    }
}
