package page

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// Reader is asked for what a page shows; every [control.Reader] is one.
type Reader interface {
	Run(ctx context.Context, ref string) (control.Run, error)
	Around(ctx context.Context, ref string) (control.Around, error)
	PlanText(ctx context.Context, ref string) (string, error)
	Log(ctx context.Context, ref string) (string, error)
}

// maxLog is how much of a log a page has, in bytes, from its end.
const maxLog = 256 << 10

// Read gathers what the page about a run shows. Its errors are the reader's.
func Read(ctx context.Context, from Reader, ref string, now time.Time) (RunPage, error) {
	run, err := from.Run(ctx, ref)
	if err != nil {
		return RunPage{}, err
	}
	out := RunPage{Run: run, Now: now}
	ref = strconv.Itoa(run.ID) // a stack's name may mean another run by now
	if out.Around, err = from.Around(ctx, ref); err != nil {
		return out, err
	}
	if run.Plan != nil {
		out.Plan, err = from.PlanText(ctx, ref)
		if none(err) {
			err, out.PlanGone = nil, "The plan's own text is not kept any more: what each object was and would be cannot be shown, the summary can."
		}
		if err != nil {
			return out, err
		}
	}
	if run.Apply != nil {
		out.Log, err = from.Log(ctx, ref)
		if none(err) {
			err = nil
		}
		if err != nil {
			return out, err
		}
		if !run.Status.Terminal() { // what a program has said of a line so far may be half of a secret
			out.Log = out.Log[:strings.LastIndexByte(out.Log, '\n')+1]
		}
	}
	return out, nil
}

// none reports whether somebody answered that there is no such thing, or none any more.
func none(err error) bool {
	var answer *control.Error
	return errors.As(err, &answer) && answer.Kind == control.NotFound
}

// ending is the end of a log, from the beginning of a line on.
func ending(log string) string {
	log = redact.Clean(log)
	if len(log) <= maxLog {
		return log
	}
	cut := log[len(log)-maxLog:]
	if i := strings.IndexByte(cut, '\n'); i >= 0 {
		cut = cut[i+1:]
	}
	return "(" + words.Count(strings.Count(log, "\n")-strings.Count(cut, "\n"), "line") + " before this are left out)\n" + strings.ToValidUTF8(cut, "\uFFFD")
}

// forPeople is what is read, with names in the place of accounts and cleaned; r itself stays as it is.
func (r RunPage) forPeople() RunPage {
	r.Run, r.Around, r.Log = r.Run.Called(), r.Around.Called(), ending(r.Log)
	clean(reflect.ValueOf(&r.Run).Elem())
	clean(reflect.ValueOf(&r.Around).Elem())
	return r
}

// clean takes out of every text of a value what could hide or forge a part of a line.
func clean(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(redact.Clean(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			clean(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			clean(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if value := v.MapIndex(key); value.Kind() == reflect.String && key.Kind() == reflect.String {
				v.SetMapIndex(key, reflect.Value{}) // which takes it out
				v.SetMapIndex(reflect.ValueOf(redact.CleanLine(key.String())), reflect.ValueOf(redact.Clean(value.String())))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				clean(v.Field(i))
			}
		}
	}
}
