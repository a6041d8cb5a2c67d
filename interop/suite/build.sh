#!/usr/bin/env bash
# build.sh DIR: franz-go's own tests as programs, DIR/kgo.test and DIR/kadm.test. Their
# clients know no OAuth: by an overlay the module stands in DIR/franz-go, where nothing
# is, with one line more in its tests' helpers and kgo_test.go beside them.
source "$(dirname "$0")/../lib.sh"
[ $# -eq 1 ] || die "usage: build.sh DIR"
need go sed python3
mkdir -p "$1"
dir=$(cd "$1" && pwd)
cd "$repo"
module=$(go list -m -f '{{.Dir}}' github.com/twmb/franz-go)

begin='func testClientOpts(opts ...Opt) []Opt {'
[ "$(grep -c -F -x "$begin" "$module/pkg/kgo/helpers_test.go")" -eq 1 ] || die "the helpers of kgo's tests have no testClientOpts(opts ...Opt) any more"
sed "s/^func testClientOpts(.*/&\n\topts = append(opts, oauthLogin...)/" "$module/pkg/kgo/helpers_test.go" >"$dir/helpers_test.go"

python3 - "$module" "$dir" "$interop/suite/kgo_test.go" <<'PY'
import json, pathlib, sys
module, dir, ours = map(pathlib.Path, sys.argv[1:])
files = [module / "go.mod", *module.glob("pkg/**/*.go")]
stands = {str(dir / "franz-go" / f.relative_to(module)): str(f) for f in files}
stands[str(dir / "franz-go/pkg/kgo/helpers_test.go")] = str(dir / "helpers_test.go")
stands[str(dir / "franz-go/pkg/kgo/oauth_login_test.go")] = str(ours)
(dir / "overlay.json").write_text(json.dumps({"Replace": stands}))
PY
cp go.sum "$dir/go.sum"
cp go.mod "$dir/go.mod"
go mod edit -replace "github.com/twmb/franz-go=$dir/franz-go" "$dir/go.mod"
build=(go test -c -vet=off -tags suite -modfile "$dir/go.mod" -overlay "$dir/overlay.json")
"${build[@]}" -o "$dir/kgo.test" github.com/twmb/franz-go/pkg/kgo
go test -c -tags suite -o "$dir/kadm.test" ./interop/suite/admin
