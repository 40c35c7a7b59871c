//! Who plays in the scripted day: people with numbers drawn from the national number plan. The
//! numbers are nobody's in this nation until the demo opens accounts for them, so they are shown in
//! full.

use mpss_domain::{LogTime, Msisdn, NumberPlan, Operator, ProvinceId, Refusal};
use mpss_routing::{national_plan, subscribers_of};

use crate::command_line::Failure;

/// Everybody's payment password.
pub(crate) const PASSWORD: &str = "482913";
/// A password nobody has.
pub(crate) const WRONG_PASSWORD: &str = "739164";
/// Numbers set aside for each scripted day and province.
const PEOPLE_A_DAY: usize = 50;
/// How many buy at once when a leader is killed.
pub(crate) const CROWD: usize = 8;

/// Someone with a number.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// A name, to be told apart by readers.
    pub(crate) name: &'static str,
    /// The number.
    pub(crate) msisdn: Msisdn,
    /// Home, by the number plan.
    pub(crate) home: ProvinceId,
}

/// Everybody.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    /// 北京: travels to Guangdong.
    pub(crate) traveller: Person,
    /// 广东: buys at home, sends money.
    pub(crate) local: Person,
    /// 四川: gets money.
    pub(crate) payee: Person,
    /// 四川: freezes the account.
    pub(crate) careful: Person,
    /// 广东: has hardly any money.
    pub(crate) poor: Person,
    /// 广东: has low limits.
    pub(crate) thrifty: Person,
    /// 广东: forgot the password.
    pub(crate) forgetful: Person,
    /// 广东: many who buy at once.
    pub(crate) crowd: Vec<Person>,
    /// A number outside every range.
    pub(crate) unknown: Msisdn,
    /// A number of another operator.
    pub(crate) foreign: Msisdn,
}

impl Cast {
    /// The people of the `day`-th scripted day of a nation.
    pub(crate) fn of_day(day: u64) -> Result<Self, Failure> {
        let plan = national_plan();
        let from = usize::try_from(day).unwrap_or(usize::MAX).saturating_mul(PEOPLE_A_DAY);
        let draw = |code: u8, names: &[&'static str]| -> Result<Vec<Person>, Failure> {
            let home = ProvinceId::new(code).expect("a province of the demo");
            let people: Vec<_> = subscribers_of(&plan, home)
                .skip(from)
                .zip(names)
                .map(|(msisdn, name)| Person { name, msisdn, home })
                .collect();
            if people.len() < names.len() {
                return Err(Failure::usage(format!("--data-dir: all numbers of province {home} were played with")));
            }
            Ok(people)
        };
        let [traveller] = take(draw(11, &["李娜"])?);
        let [payee, careful] = take(draw(51, &["张丽", "刘洋"])?);
        let mut names = vec!["陈静", "黄伟", "何敏", "林涛"];
        names.extend(["区一", "区二", "区三", "区四", "区五", "区六", "区七", "区八"]);
        let mut guangdong = draw(44, &names)?;
        let crowd = guangdong.split_off(names.len() - CROWD);
        let [local, poor, thrifty, forgetful] = take(guangdong);
        let (unknown, foreign) = (outside(&plan, None)?, outside(&plan, Some(Operator::ChinaMobile))?);
        Ok(Self { traveller, local, payee, careful, poor, thrifty, forgetful, crowd, unknown, foreign })
    }
}

fn take<const N: usize>(people: Vec<Person>) -> [Person; N] {
    people.try_into().expect("as many as names")
}

/// The first number that is refused for the right reason: outside every range, or of `operator`.
fn outside(plan: &NumberPlan, operator: Option<Operator>) -> Result<Msisdn, Failure> {
    const HANDSETS: std::ops::Range<u64> = 1_390_000..1_999_999;
    let expected = if operator.is_some() { Refusal::ForeignOperator } else { Refusal::UnknownNumber };
    HANDSETS
        .filter_map(|prefix| Msisdn::new(prefix * 10_000 + 1_234))
        .find(|number| {
            let lookup = plan.lookup(*number, LogTime(0)).map(|belonging| belonging.operator);
            lookup == operator && plan.home_of(*number, LogTime(0)).is_err_and(|refusal| refusal == expected)
        })
        .ok_or_else(|| Failure::check("the number plan has no number that must be refused"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_numbers_of_their_province_and_each_day_its_own() {
        let plan = national_plan();
        let (first, second) = (Cast::of_day(0).expect("a cast"), Cast::of_day(1).expect("another"));
        for person in [&first.traveller, &first.local, &first.payee, &first.careful, &first.crowd[7]] {
            let home = plan.home_of(person.msisdn, LogTime(0)).map(|belonging| belonging.home);
            assert_eq!(home, Ok(person.home), "{}", person.name);
        }
        assert_eq!(first.crowd.len(), CROWD);
        assert_ne!(first.local.msisdn, second.local.msisdn);
        assert_eq!(plan.home_of(first.unknown, LogTime(0)), Err(Refusal::UnknownNumber));
        assert_eq!(plan.home_of(first.foreign, LogTime(0)), Err(Refusal::ForeignOperator));
    }
}
