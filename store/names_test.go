package store_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

func TestFileName(t *testing.T) {
	long := strings.Repeat("accounts-production-", 9) + "network-eu"
	for _, c := range []struct{ name, in, want string }{
		{"what there was before stays", "services-jira", "services-jira"},
		{"dots", "a..b.lock", "a..b.lock"},
		{"the longest that there was before", strings.Repeat("a", 64), strings.Repeat("a", 64)},
		{"one more", strings.Repeat("a", 65), "aaaaaaaaaaaa+mnjwdrelxhvlcqmy45xkrk37dj+aaaaaaaaaaaaaaaaaaaaaaaa"},
		{"long", long, "accounts-pro+2zqq63t3zuslbedmpredsiisn5+ts-production-network-eu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := store.FileName(c.in)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if len(got) > store.MaxFileName || store.FileName(got) != got {
				t.Errorf("%q: %d bytes, shortened again %q", got, len(got), store.FileName(got))
			}
		})
	}
	if store.FileName(long) == store.FileName(long[:100]+"x"+long[101:]) {
		t.Error("two names that differ in the middle share a file")
	}
	if got := store.ShortName("größe"+strings.Repeat("ö", 100), 64); strings.ToValidUTF8(got, "?") != got || len(got) > 64 {
		t.Errorf("%q", got)
	}
}
