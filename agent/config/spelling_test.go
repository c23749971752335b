package config

import (
	"strings"
	"testing"
)

func TestSpelling(t *testing.T) {
	long := strings.Repeat("A", 300)
	for _, c := range []struct {
		name string
		form spelling
		good []string
		bad  []string
	}{
		{"user of Slack", userID, []string{"U01", "W" + long[:30]}, []string{"U0", "U" + long[:31], "S01ABC", "u01abc"}},
		{"group of Slack", groupID, []string{"S01", "S" + long[:30]}, []string{"S0", "S" + long[:31], "U01ABC"}},
		{"channel's id", channelID, []string{"C01", "G" + long[:30]}, []string{"C0", "C" + long[:31], "D01ABC"}},
		{"channel's name", channel, []string{"#o", "#" + strings.Repeat("ü", 80)}, []string{"#", "#" + strings.Repeat("ü", 81), "#Ops", "ops"}},
		{"login", login, []string{"j", long[:100], "a-b_"}, []string{"", long[:101], "-a", "a-"}},
		{"user of the machine", osUser, []string{"j", long[:255], long[:255] + "$", `CORP\jane`}, []string{"", long[:257], "-a", "a$b"}},
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
