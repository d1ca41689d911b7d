#!/usr/bin/env bash
# Fuzz what strangers can reach: run.sh SECONDS [TARGET...], so many seconds a target.
#
# The stable toolchain and a C++ compiler do. SANITIZER=address watches memory as well, where the
# toolchain has the runtime for it. `cargo fuzz run TARGET` works here, too.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:?seconds a target}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(udp http store snapshot cluster)

command -v "${CXX:-c++}" >/dev/null || {
	echo 'error: `c++`: not found; the engine of the fuzzer is built with it'
	echo 'hint: apt-get install g++'
	exit 1
}
host=$(rustc -vV | sed -n 's/^host: //p')
flags=(--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module
	-Cllvm-args=-sanitizer-coverage-level=4
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters
	-Cllvm-args=-sanitizer-coverage-pc-table
	-Cllvm-args=-sanitizer-coverage-trace-compares)
built=../../../target/fuzz
if [ -n "${SANITIZER:-}" ]; then
	# The flag is one of the nightly toolchain, and this lets the stable one take it.
	export RUSTC_BOOTSTRAP=1
	flags+=("-Zsanitizer=$SANITIZER")
	built+=-$SANITIZER
fi
# Flags for a named host do not reach build scripts, which are programs of their own.
RUSTFLAGS="${flags[*]}" cargo build --release --locked --target "$host" --target-dir "$built"

# Fuzz one target, and show what went wrong if something did.
fuzz() {
	local target=$1 log=artifacts/$1.log options tried
	mkdir -p "corpus/$target" "artifacts/$target"
	# What the fuzzer keeps of its finds lies between the stores of a run and holds their memory, so
	# the process grows with the time it is given; a single allocation has no such excuse.
	options=("-max_total_time=$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=8192
		-malloc_limit_mb=512
		-print_final_stats=1 -print_funcs=0 "-artifact_prefix=artifacts/$target/")
	[ ! -f "$target.dict" ] || options+=("-dict=$target.dict")
	if ! "$programs/$target" "${options[@]}" "corpus/$target" >"$log" 2>&1; then
		tail -n 60 "$log" >&2
		echo "error: \`$target\`: an input breaks it; it lies in crates/tracker/fuzz/artifacts/$target" >&2
		echo "hint: give that file to ${programs#../../../}/$target to see it again" >&2
		return 1
	fi
	tried=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	echo "$target: $tried inputs in $seconds s, and none breaks it"
}
programs=$built/$host/release
export -f fuzz
export seconds programs
# One a core, side by side.
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'fuzz {}'
