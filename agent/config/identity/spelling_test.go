package identity

import (
	"strings"
	"testing"

	"sallyport/agent/config/naming"
)

func TestSpelling(t *testing.T) {
	long := strings.Repeat("A", 300)
	for _, c := range []struct {
		name string
		form naming.Spelling
		good []string
		bad  []string
	}{
		{"user of Slack", User, []string{"U01", "W" + long[:30]}, []string{"U0", "U" + long[:31], "S01ABC", "u01abc"}},
		{"group of Slack", Group, []string{"S01", "S" + long[:30]}, []string{"S0", "S" + long[:31], "U01ABC"}},
		{"channel's id", ChannelID, []string{"C01", "G" + long[:30]}, []string{"C0", "C" + long[:31], "D01ABC"}},
		{"channel's name", ChannelName, []string{"#o", "#" + strings.Repeat("ü", 80)}, []string{"#", "#" + strings.Repeat("ü", 81), "#Ops", "ops"}},
		{"login", Login, []string{"j", long[:100], "a-b_"}, []string{"", long[:101], "-a", "a-"}},
		{"user of the machine", OSUser, []string{"j", long[:255], long[:255] + "$", `CORP\jane`}, []string{"", long[:257], "-a", "a$b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, s := range c.good {
				if !c.form.MatchString(s) {
					t.Errorf("%q is refused", s)
				}
			}
			for _, s := range c.bad {
				if c.form.MatchString(s) {
					t.Errorf("%q is taken", s)
				}
			}
		})
	}
}
