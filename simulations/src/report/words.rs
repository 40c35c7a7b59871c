//! What things are called in both languages. A word that is not known here stands as it is in the record.

use crate::record::{Ending, Province, Verdict};

const FLOWS: &[(&str, &str)] = &[
    ("local", "本地购买"),
    ("roaming", "漫游购买"),
    ("national", "全国购买"),
    ("racing", "并发购买"),
    ("impatient", "付款途中要求冲正"),
    ("cards", "购卡"),
    ("tickets", "票务"),
    ("transfer", "转账"),
    ("top_up", "充值"),
    ("bank_top_up", "银行卡充值"),
    ("reversal", "冲正"),
    ("refund", "退款"),
    ("balance", "余额"),
    ("statement", "流水"),
    ("catalogue", "商品目录"),
    ("limits", "限额"),
    ("password", "密码"),
    ("wrong_password", "密码错误"),
    ("freeze", "冻结"),
    ("thaw", "解冻"),
    ("travel", "漫游出行"),
    ("conflict", "请求号冲突"),
    ("bad_input", "错误报文"),
    ("set_up", "布置"),
    ("new_plan", "下发号段表"),
    ("port_number", "携号转网"),
    ("change_group", "调整副本组"),
    ("show_cluster", "查看副本组"),
];

const FAULTS: &[(&str, &str)] = &[
    ("crash", "崩溃"),
    ("restart", "重启"),
    ("blackout", "全省断电"),
    ("pause", "停顿"),
    ("slow_node", "机器变慢"),
    ("slow_disk", "磁盘变慢"),
    ("stalled_sync", "落盘停滞"),
    ("full_disk", "磁盘写满"),
    ("sync_error", "落盘失败"),
    ("bit_flip_log", "日志位翻转"),
    ("bit_flip_snapshot", "快照位翻转"),
    ("clock_jump", "时钟跳变"),
    ("machine_replaced", "换机"),
    ("province_replaced", "全省换机"),
    ("cut", "断链"),
    ("isolation", "孤立"),
    ("province_cut", "省际断链"),
    ("loss", "丢包"),
    ("delay", "延迟"),
    ("duplication", "重复"),
    ("reordering", "乱序"),
    ("sp_loses", "SP 丢失"),
    ("sp_late", "SP 迟答"),
    ("sp_twice", "SP 重复"),
    ("sp_refuses", "SP 拒绝"),
    ("smsc_loses", "短信丢失"),
    ("smsc_late", "短信迟答"),
    ("smsc_twice", "短信重复"),
    ("smsc_refuses", "短信拒绝"),
    ("new_plan", "新号段表"),
    ("ported_number", "携号转网"),
    ("rolling_upgrade", "滚动升级"),
    ("leadership_handed_over", "移交主节点"),
];

/// The Chinese of a flow; empty when there is none.
pub(crate) fn flow_zh(flow: &str) -> &'static str {
    exact(FLOWS, flow)
}

/// The Chinese of a kind of fault; empty when there is none.
pub(crate) fn fault_zh(kind: &str) -> &'static str {
    exact(FAULTS, kind)
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
