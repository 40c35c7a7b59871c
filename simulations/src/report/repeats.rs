//! What is said again and again is drawn once, with how often.

/// A stretch of a list that is there once or several times in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Where it begins.
    pub(crate) begin: usize,
    /// How many things it is long.
    pub(crate) long: usize,
    /// How often it stands there in a row.
    pub(crate) times: usize,
}

/// A question and its answer are two messages, with an error in between three or four.
const LONGEST: usize = 4;

/// Cuts a list into stretches, so that what repeats is a stretch of its own. Everything is in exactly one
/// stretch; what does not repeat is a stretch of one thing.
pub(crate) fn stretches<T: PartialEq>(things: &[T]) -> Vec<Stretch> {
    let mut found = Vec::new();
    let mut begin = 0;
    while begin < things.len() {
        let mut best = Stretch { begin, long: 1, times: 1 };
        for long in 1..=LONGEST.min(things.len() - begin) {
            let (pattern, rest) = things[begin..].split_at(long);
            let times = 1 + rest.chunks_exact(long).take_while(|chunk| *chunk == pattern).count();
            // Only what saves room is worth it; of two that save as much the shorter is easier to read.
            if times > 1 && long * (times - 1) > best.long * (best.times - 1) {
                best = Stretch { begin, long, times };
            }
        }
        found.push(best);
        begin += best.long * best.times;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> String {
        let letters: Vec<char> = text.chars().collect();
        let stretch = |one: &Stretch| {
            let letters: String = letters[one.begin..one.begin + one.long].iter().collect();
            if one.times > 1 { format!("({letters})×{}", one.times) } else { letters }
        };
        stretches(&letters).iter().map(stretch).collect()
    }

    #[test]
    fn what_repeats_is_said_once() {
        assert_eq!(told("abc"), "abc");
        assert_eq!(told("aaaaab"), "(a)×5b");
        assert_eq!(told("xababab"), "x(ab)×3");
        assert_eq!(told("aabaab"), "(aab)×2");
        assert_eq!(told(""), "");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(letters in prop::collection::vec(0..3_u8, 0..60)) {
            let mut back = Vec::new();
            for one in stretches(&letters) {
                prop_assert_eq!(one.begin, back.len());
                for _ in 0..one.times {
                    back.extend_from_slice(&letters[one.begin..one.begin + one.long]);
                }
            }
            prop_assert_eq!(back, letters);
        }
    }
}
