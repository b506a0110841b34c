//! Just enough of regular expressions to judge the identifiers against the published ones: alternatives of
//! characters and classes with `?`, `{n}` and `{n,m}`. An oracle of its own, so that a slip in the hand-written
//! grammars cannot hide.

struct Step {
    class: Vec<(char, char)>,
    least: usize,
    most: usize,
}

/// Whether the whole of `text` matches `expression`.
pub(crate) fn matches(expression: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    alternatives(expression).iter().any(|steps| follow(steps, &text))
}

fn follow(steps: &[Step], text: &[char]) -> bool {
    let Some((step, steps)) = steps.split_first() else { return text.is_empty() };
    let fits = |letter: &&char| step.class.iter().any(|(from, to)| (from..=to).contains(letter));
    let run = text.iter().take(step.most).take_while(fits).count();
    (step.least..=run).rev().any(|taken| follow(steps, &text[taken..]))
}

fn alternatives(expression: &str) -> Vec<Vec<Step>> {
    let mut all = vec![Vec::new()];
    let mut rest = expression.chars().peekable();
    while let Some(letter) = rest.next() {
        let class = match letter {
            '|' => {
                all.push(Vec::new());
                continue;
            }
            '[' => class(&mut rest),
            '\\' => rest.next().map(|escaped| vec![(escaped, escaped)]).expect("an escaped character"),
            plain => vec![(plain, plain)],
        };
        let (least, most) = match rest.peek() {
            Some('?') => {
                rest.next();
                (0, 1)
            }
            Some('{') => {
                let count: String = rest.by_ref().skip(1).take_while(|letter| *letter != '}').collect();
                let (least, most) = count.split_once(',').unwrap_or((&count, &count));
                (least.parse().expect("a number"), most.parse().expect("a number"))
            }
            _ => (1, 1),
        };
        all.last_mut().expect("never empty").push(Step { class, least, most });
    }
    all
}

fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Vec<(char, char)> {
    let letters: Vec<char> = rest.take_while(|letter| *letter != ']').collect();
    let mut ranges = Vec::new();
    let mut place = 0;
    while place < letters.len() {
        let (from, to) = match letters[place..] {
            [from, '-', to, ..] => (from, to),
            [only, ..] => (only, only),
            [] => break,
        };
        place += if from == to { 1 } else { 3 };
        ranges.push((from, to));
    }
    ranges
}
