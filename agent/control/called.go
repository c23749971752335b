package control

import (
	"encoding/json"
	"fmt"
	"reflect"

	"sallyport/notify/people"
	"sallyport/store"
)

// Name adds what the people are called of whom an answer speaks.
func (s *Status) Name(names people.Names) (err error) {
	s.People, err = names.In(s)
	return err
}

// Name adds what the people are called of whom a run speaks.
func (r *Run) Name(names people.Names) (err error) {
	r.People, err = names.In(r)
	return err
}

// Name adds what the people are called of whom an answer speaks.
func (w *Why) Name(names people.Names) (err error) {
	w.People, err = names.In(w)
	return err
}

// Called is a status for people: with names in the place of accounts.
func (s Status) Called() Status { return called(s, s.People) }

// Called is a run for people: with names in the place of accounts.
func (r Run) Called() Run { return called(r, r.People) }

// Called is an answer for people: with names in the place of accounts.
func (w Why) Called() Why { return called(w, w.People) }

// called is a copy of an answer in which people have names.
func called[A any](answer A, names map[string]string) A {
	var out A
	b, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil { // what came as JSON goes as JSON
		panic(fmt.Sprintf("control: copying an answer: %v", err))
	}
	rename(reflect.ValueOf(&out).Elem(), people.Known(names))
	return out
}

// rename puts names in the place of accounts in every text of a value. What a plan changes is left alone: people type its
// addresses.
func rename(v reflect.Value, names people.Names) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(names.Plain(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			rename(v.Elem(), names)
		}
	case reflect.Slice:
		for i := range v.Len() {
			rename(v.Index(i), names)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Plan]() {
			return
		}
		for by, login := range map[string]string{"By": "Login", "RequestedBy": "RequestedLogin"} {
			if who, as := v.FieldByName(by), v.FieldByName(login); who.IsValid() && as.IsValid() && as.String() != "" {
				who.SetString(store.By(who.String(), as.String()))
				as.SetString("")
			}
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				rename(v.Field(i), names)
			}
		}
	}
}
