package agent_test

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/store"
)

// Figures are those of the agent, over HTTP and in the file, and a reload moves the address.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add the box", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, "")
	metrics := func(listen string) string {
		return box(r, "auto_apply = \"always\"") + "metrics {\n  listen = \"" + listen + "\"\n  textfile = \"" + h.Path("figures.prom") + "\"\n}\n"
	}
	h.Configure(metrics("127.0.0.1:0"))
	h.start()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience.Limit()}
	ask := func(address, path string) (string, error) {
		answer, err := client.Get("http://" + address + path)
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return string(text), err
	}
	served := func() []string {
		var all []string
		for _, line := range regexp.MustCompile(`msg="metrics are served" address=(\S+)`).FindAllStringSubmatch(h.Logged(), -1) {
			all = append(all, line[1])
		}
		return all
	}
	first := served()[0]
	h.Reaches("1", store.Applied)
	says := func(text string, err error) {
		t.Helper()
		for _, want := range []string{
			"\nsallyport_runs_total{kind=\"commit\",stack=\"box\",status=\"applied\"} 1\n", "\nsallyport_decision_to_end_seconds_count 1\n",
			"\nsallyport_stack_needs_look{stack=\"box\"} 0\n", "\nsallyport_slots{pool=\"terraform\"} 2\n", "\nsallyport_stack_last_success_timestamp_seconds{stack=\"box\"} ",
			"\nsallyport_repository_last_poll_timestamp_seconds{repository=\"infra\"} ", "\nsallyport_store_readable 1\n", "\ngo_goroutines ",
		} {
			if err != nil || !strings.Contains(text, want) {
				t.Errorf("%q is missing, %v:\n%s", want, err, text)
			}
		}
	}
	says(ask(first, "/metrics"))
	for _, path := range []string{"/healthz", "/readyz"} {
		if text, err := ask(first, path); err != nil || text != "ok\n" {
			t.Errorf("%s says %q, %v", path, text, err)
		}
	}
	h.Eventually("the file says so too", func(control.Status) bool {
		text, _ := os.ReadFile(h.Path("figures.prom"))
		return strings.Contains(string(text), "status=\"applied\"} 1\n")
	})
	text, err := os.ReadFile(h.Path("figures.prom"))
	says(string(text), err)

	h.Configure(metrics("127.0.0.2:0"))
	if err := h.agent.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Eventually("it is served elsewhere", func(control.Status) bool { return len(served()) == 2 })
	says(ask(served()[1], "/metrics"))
	h.Eventually("and not where it was", func(control.Status) bool { _, err := ask(first, "/healthz"); return err != nil })
	h.stop()
	if _, err := os.Stat(h.Path("figures.prom")); !os.IsNotExist(err) {
		t.Errorf("the file stays: %v", err)
	}
}
