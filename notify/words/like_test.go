package words_test

import (
	"strings"
	"testing"

	"sallyport/notify/words"
)

func TestDistance(t *testing.T) {
	for name, tt := range map[string]struct {
		a, b string
		want int
	}{
		"same":            {"wiki", "wiki", 0},
		"missing":         {"wki", "wiki", 1},
		"too many":        {"wiiki", "wiki", 1},
		"another":         {"waki", "wiki", 1},
		"changed places":  {"wkii", "wiki", 1},
		"two slips":       {"aprov", "approve", 2},
		"capitals":        {"Wiki", "wiki", 1},
		"beyond ASCII":    {"größe", "grösse", 2},
		"nothing at all":  {"", "wiki", 4},
		"nothing to both": {"", "", 0},
	} {
		if got := words.Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
		if got := words.Distance(tt.b, tt.a); got != tt.want {
			t.Errorf("%s, the other way round: %d, want %d", name, got, tt.want)
		}
	}
}

func TestLike(t *testing.T) {
	stacks := []string{"ghe", "wiki", "services-jira", "services-confluence", "Net"}
	for name, tt := range map[string]struct{ word, want string }{
		"a slip":           {"wki", "wiki"},
		"capitals":         {"WIKI", "wiki"},
		"its capitals":     {"net", "Net"},
		"a part":           {"jira", "services-jira"},
		"two have it":      {"services", "services-jira,services-confluence"},
		"like none":        {"bamboo", ""},
		"short and far":    {"ab", ""},
		"nothing":          {"", ""},
		"longer than sane": {strings.Repeat("wiki", 100), ""},
	} {
		if got := strings.Join(words.Like(tt.word, stacks), ","); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if got := words.Or([]string{"a", "b", "c"}) + words.Or([]string{"a"}) + words.Or(nil); got != "a, b or ca" {
		t.Errorf("a choice: %q", got)
	}
}
