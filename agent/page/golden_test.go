package page

import (
	"path/filepath"
	"sallyport/notify/golden"
	"strings"
	"testing"
)

// TestGolden compares the pages with those that somebody has looked at. Their style is left out: it is the same in all.
func TestGolden(t *testing.T) {
	for name, p := range cases(t) {
		t.Run(name, func(t *testing.T) {
			got := written(t, p)
			policy, err := CSP(nil)
			if err != nil {
				t.Fatal(err)
			}
			css, err := style()
			if err != nil {
				t.Fatal(err)
			}
			got = strings.NewReplacer(css, "STYLE", strings.NewReplacer("'", "&#39;", "+", "&#43;").Replace(policy), "POLICY").Replace(got)
			golden.Is(t, filepath.Join("testdata", "golden", name+".html"), got)
			if !strings.Contains(got, "<style>STYLE</style>") || !strings.Contains(got, `content="POLICY"`) {
				t.Error("the style or the policy is not as it is told to servers")
			}
		})
	}
}
