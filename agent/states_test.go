package agent_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sallyport/agent/datadir"
	"sallyport/store"
)

func TestTheStateBeforeAnApplyIsKept(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	before, err := os.ReadFile(filepath.Join(h.Dir, "data", "state", "box", "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	r.commit("Change", map[string]string{"box/main.tf": data("a", "two")})
	h.Reaches("2", store.Planned)
	h.MustDecide("2", "approve")
	h.Reaches("2", store.Applied)
	packed, err := os.ReadFile(filepath.Join(datadir.StateCopies(filepath.Join(h.Dir, "data"), "box"), "00000002.tfstate.zst"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var kept bytes.Buffer
	if _, err := kept.ReadFrom(d); err != nil {
		t.Fatal(err)
	}
	var was, is struct {
		Lineage string
		Serial  int
	}
	if err := errors.Join(json.Unmarshal(before, &was), json.Unmarshal(kept.Bytes(), &is)); err != nil {
		t.Fatal(err)
	}
	if was != is || is.Lineage == "" {
		t.Errorf("lineage and serial of the copy are %+v, of the state %+v", is, was)
	}
	if !bytes.Contains(kept.Bytes(), []byte(`"one"`)) || bytes.Contains(kept.Bytes(), []byte(`"two"`)) {
		t.Errorf("the copy is not the state before the apply:\n%s\nwas\n%s", kept.Bytes(), before)
	}
}
