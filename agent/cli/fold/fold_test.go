package fold

import (
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("words that go on ", 6)
	for name, c := range map[string]struct{ text, want string }{
		"what fits": {"Stop a run\n\nUsage:\n  sallyport cancel RUN\n", "Stop a run\n\nUsage:\n  sallyport cancel RUN\n"},
		"prose that was broken elsewhere": {
			"Bring the state of a stack to where the branch's newest commit says that it is, after that\nhas named another.\n",
			"Bring the state of a stack to where the branch's newest commit says that it is,\nafter that has named another.\n",
		},
		"paragraphs": {"One.\nTwo.\n\nThree.\n", "One.\nTwo.\n\nThree.\n"},
		"a usage line": {
			"  sallyport plan STACK [--commit SHA] [--replace ADDRESS]... [--refresh-only] [--pull-request N]\n",
			"  sallyport plan STACK [--commit SHA] [--replace ADDRESS]... [--refresh-only]\n    [--pull-request N]\n",
		},
		"two usage lines": {"Usage:\n  sallyport [flags]\n  sallyport [command]\n", "Usage:\n  sallyport [flags]\n  sallyport [command]\n"},
		"a flag": {
			"      --var name   " + strings.TrimSpace(long) + "\n                   and its second line\n  -h, --help       help\n",
			"      --var name   words that go on words that go on words that go on words that\n                   go on words that go on words that go on and its second line\n  -h, --help       help\n",
		},
		"a word that is too long": {"  " + strings.Repeat("x", 90) + "\n", "  " + strings.Repeat("x", 90) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Help(c.text); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if again := Help(Help(c.text)); again != Help(c.text) {
				t.Errorf("folded twice it is\n%s", again)
			}
		})
	}
}
