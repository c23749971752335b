package store

import (
	"encoding/json"
	"testing"
)

// What a check reads of a run without decoding it is what decoding says.
func TestHeadOf(t *testing.T) {
	tests := []struct {
		name    string
		run     Run
		decoded bool // nothing is read without decoding
	}{
		{"any run", Run{ID: 12, Stack: "ghe", Repository: "infra", Kind: KindCommit, Status: Applied, Commit: "c0ffee"}, false},
		{"of an engine, and a preview", Run{ID: 12, Stack: "ghe", Repository: "infra", Kind: KindPullRequest, Status: Previewed,
			Commit: "c0ffee", Engine: "packer", PullRequest: 7}, false},
		{"nothing in it", Run{}, false},
		{"words that look like marks", Run{ID: 1, Stack: `a,kind:b`, Repository: "status:x", Status: Planned, Subject: `","commit":"`}, false},
		{"quotes", Run{ID: 1, Stack: `a","kind":"b`, Repository: "r", Kind: KindManual, Status: Planned}, true},
		{"a stroke at the end", Run{ID: 1, Stack: `a\`, Repository: `","status":"`, Kind: KindManual, Status: Planned}, true},
		{"letters that JSON escapes", Run{ID: 1, Stack: "a<b>", Kind: KindManual, Status: Planned}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			payload, err := json.Marshal(&tt.run)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := headOf(payload)
			if ok == tt.decoded {
				t.Errorf("read without decoding: %t", ok)
			}
			var want indexedRun
			if err := json.Unmarshal(payload, &want); err != nil {
				t.Fatal(err)
			}
			if ok && got != want {
				t.Errorf("it is read as %+v, decoded it is %+v", got, want)
			}
		})
	}
	for _, odd := range []string{"", "{}", `{"stack":"x","id":1}`, `{"id":x,"stack":"ghe","repository":"","kind":"","status":"","commit":""}`,
		`{"id":1,"stack":"ghe","repository":"","kind":"commit","status":"planned","engine":"terraform","commit":""}`,
		`{"id":1,"stack":"ghe","engine":"terraform","repository":"","kind":"commit","status":"planned","commit":""}`,
		`{"id":1,"stack":"ghe","repository":"","kind":"commit","engine":"terraform","status":"planned","commit":""}`} {
		if got, ok := headOf([]byte(odd)); ok {
			t.Errorf("%s is read as %+v", odd, got)
		}
	}
}
