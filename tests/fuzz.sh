#!/usr/bin/env bash
# Searches every decoder with libFuzzer, on the stable toolchain, for SECONDS each (10 when not given).
#   tests/fuzz.sh [SECONDS] [DECODER …]
# What it finds is left in the folder it names; a fixed finding becomes a seed in tests/seeds/DECODER.
# Needs g++ for libFuzzer's own run time.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-10}"
shift || true

host="$(rustc -vV | sed -n 's/^host: //p')"
# Coverage instrumentation is LLVM's own; naming the target keeps it out of build scripts.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OPT_LEVEL=2
target_dir="${MPSS_FUZZ_TARGET_DIR:-${CARGO_TARGET_DIR:-target}/fuzz}"
cargo build --release --locked --target "$host" --target-dir "$target_dir" \
    -p mpss-tests --bin mpss-fuzz --features libfuzzer

decoders=("$@")
[ $# -gt 0 ] || decoders=($(ls tests/seeds))
work="$(mktemp -d -t mpss-fuzz-XXXXXX)"
failed=()
for decoder in "${decoders[@]}"; do
    mkdir -p "$work/$decoder/corpus" "$work/$decoder/found"
    log="$work/$decoder/log"
    if MPSS_FUZZ_TARGET="$decoder" "$target_dir/$host/release/mpss-fuzz" \
        "$work/$decoder/corpus" "tests/seeds/$decoder" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="$work/$decoder/found/" >"$log" 2>&1; then
        runs="$(sed -n 's/^stat::number_of_executed_units: //p' "$log")"
        covered="$(grep -o 'cov: [0-9]*' "$log" | tail -1)"
        printf '%-20s %10s runs, %s, nothing found\n' "$decoder" "$runs" "$covered"
    else
        failed+=("$decoder")
        printf '%-20s FOUND, see %s\n' "$decoder" "$work/$decoder"
        tail -30 "$log"
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "found something in: ${failed[*]}"
    exit 1
fi
rm -rf "$work"
