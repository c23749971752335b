package notify

import (
	"strings"
	"testing"
	"time"

	"sallyport/store"
)

func TestWords(t *testing.T) {
	moment := time.Date(2026, 3, 1, 4, 10, 59, 0, time.FixedZone("CET", 3600))
	for _, tc := range []struct{ name, got, want string }{
		{"the cause of an error", Cause("\nno such key\nat main.tf"), "no such key"},
		{"a long cause", Cause(strings.Repeat("x", 400)), strings.Repeat("x", 299) + "…"},
		{"a pause", Paused(&store.Pause{By: "cli:jane", At: moment}), "by cli:jane since 2026-03-01 03:10 UTC"},
		{"a pause with a reason", Paused(&store.Pause{By: "cli:jane", At: moment, Reason: "storm"}), "by cli:jane since 2026-03-01 03:10 UTC: storm"},
		{"a repository that can be read", Unreadable(&store.RepositoryState{}), ""},
		{
			"a repository that cannot", Unreadable(&store.RepositoryState{Error: "no route", ErrorAt: moment}),
			"the repository cannot be read since 2026-03-01 03:10 UTC: no route",
		},
		{"no drift", Drifted(&store.Drift{}), ""},
		{"drift", Drifted(&store.Drift{Gone: 1, Outputs: 2}), "1 gone, 2 other in outputs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.got != tc.want {
				t.Errorf("%q, want %q", tc.got, tc.want)
			}
		})
	}
}

// TestOnceSaid: what went wrong is said once: terraform's own words say all that the line says which sums them up.
func TestOnceSaid(t *testing.T) {
	for text, want := range map[string]string{
		"no such key (main.tf:3)\n\nError: no such key\n\n  on main.tf line 3": "Error: no such key\n\n  on main.tf line 3",
		"no such key\nat main.tf line 3":                                       "no such key\nat main.tf line 3",
		"the apply did not end\n\nsomebody stopped it":                         "the apply did not end\n\nsomebody stopped it",
	} {
		if got := OnceSaid(text); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
