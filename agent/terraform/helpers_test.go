package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/diag"
)

func contextForTools() context.Context { return context.Background() }

func numberVar(name string, n int64) map[string]cty.Value {
	return map[string]cty.Value{name: cty.NumberIntVal(n)}
}

func stringVar(name, value string) map[string]cty.Value {
	return map[string]cty.Value{name: cty.StringVal(value)}
}

func dump(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("rendering: %v", err)
	}
	return string(text)
}

// failure runs a plan that is meant to fail, and returns its error.
func failure(t testing.TB, ctx context.Context, o PlanOptions) *diag.Error {
	t.Helper()
	_, err := Plan(ctx, o)
	if err == nil {
		t.Fatal("the plan was meant to fail")
	}
	var failed *diag.Error
	if !errors.As(err, &failed) {
		t.Fatalf("the error is not terraform's: %v", err)
	}
	return failed
}

// digestFile is the SHA-256 of a file, in hex.
func digestFile(path string) (string, error) {
	digest, _, err := binary.Digest(path)
	return digest, err
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
