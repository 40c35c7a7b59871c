//! What things are called in both languages. A word that is not known here stands as it is in the record.

use crate::record::{Ending, Province, Verdict};

const FLOWS: &[(&str, &str)] = &[
    ("local", "本地购买"),
    ("roaming", "漫游购买"),
    ("national", "全国购买"),
    ("transfer", "转账"),
    ("top_up", "充值"),
    ("limits", "限额"),
    ("password", "密码"),
    ("freeze", "冻结"),
    ("thaw", "解冻"),
    ("unfreeze", "解冻"),
    ("reversal", "冲正"),
    ("refund", "退款"),
    ("balance", "余额"),
    ("statement", "流水"),
    ("payout", "派奖"),
    ("open", "开户"),
    ("close", "销户"),
    ("bad_input", "错误报文"),
];

const FAULTS: &[(&str, &str)] = &[
    ("crash", "崩溃"),
    ("blackout", "全省断电"),
    ("partition", "分区"),
    ("cut", "断链"),
    ("weather", "网络劣化"),
    ("delay", "延迟"),
    ("loss", "丢包"),
    ("doubled", "重复"),
    ("outside", "外部失联"),
    ("sp", "SP 故障"),
    ("sms", "短信故障"),
    ("clock", "时钟偏差"),
    ("disk", "磁盘故障"),
    ("stall", "停顿"),
    ("pause", "停顿"),
    ("restart", "重启"),
    ("overload", "过载"),
    ("upgrade", "升级"),
];

/// The Chinese of a flow; empty when there is none.
pub(crate) fn flow_zh(flow: &str) -> &'static str {
    exact(FLOWS, flow)
}

/// The Chinese of a kind of fault, also when more words follow the kind, as in `cut_one_way`.
pub(crate) fn fault_zh(kind: &str) -> &'static str {
    let known = exact(FAULTS, kind);
    if !known.is_empty() {
        return known;
    }
    let first = kind.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or(kind);
    exact(FAULTS, first)
}

/// Where a flow stands among the others: purchases first, then the rest, the unknown last.
pub(crate) fn flow_place(flow: &str) -> usize {
    FLOWS.iter().position(|(name, _)| *name == flow).unwrap_or(FLOWS.len())
}

/// The verdict in Chinese, in English, and the sign that says it without a colour.
pub(crate) fn verdict(verdict: Verdict) -> (&'static str, &'static str, &'static str) {
    match verdict {
        Verdict::Passed => ("通过", "passed", "✓"),
        Verdict::Violated => ("违反", "VIOLATED", "✕"),
        Verdict::Inconclusive => ("未定", "inconclusive", "?"),
    }
}

/// How a request ended.
pub(crate) fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Refused => "refused",
        Ending::Unknown => "unknown",
    }
}

/// `广东 Guangdong`, or what of it is known.
pub(crate) fn province(province: &Province) -> String {
    [&province.name_zh, &province.name, &province.code]
        .into_iter()
        .filter(|word| !word.is_empty())
        .take(2)
        .cloned()
        .collect::<Vec<_>>()
        .join(" ")
}

fn exact(table: &[(&str, &'static str)], word: &str) -> &'static str {
    table.iter().find(|(name, _)| *name == word).map_or("", |(_, chinese)| chinese)
}
