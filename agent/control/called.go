package control

import (
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
	rename(reflect.ValueOf(&out).Elem(), reflect.ValueOf(&answer).Elem(), people.Known(names))
	return out
}

// rename makes a copy of a value with names in the place of accounts in every text. What a plan changes is left alone, since people type
// its addresses; it is not even copied, since it can be megabytes.
func rename(to, v reflect.Value, names people.Names) {
	to.Set(v)
	switch v.Kind() {
	case reflect.String:
		to.SetString(names.Plain(v.String()))
	case reflect.Pointer:
		if !v.IsNil() && v.Type().Elem() != reflect.TypeFor[Plan]() {
			to.Set(reflect.New(v.Type().Elem()))
			rename(to.Elem(), v.Elem(), names)
		}
	case reflect.Slice:
		if v.Len() > 0 {
			to.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		for i := range v.Len() {
			rename(to.Index(i), v.Index(i), names)
		}
	case reflect.Map:
		if v.Len() > 0 {
			to.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		}
		for _, key := range v.MapKeys() {
			to.SetMapIndex(key, v.MapIndex(key))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Plan]() {
			return
		}
		own := reflect.New(v.Type()).Elem()
		own.Set(v)
		joinLogins(own)
		for i := range own.NumField() {
			if own.Type().Field(i).IsExported() {
				rename(to.Field(i), own.Field(i), names)
			}
		}
	}
}

// joinLogins puts who had logged in to the account of a struct, where both stand side by side: together they have one name.
func joinLogins(v reflect.Value) {
	for by, login := range map[string]string{"By": "Login", "RequestedBy": "RequestedLogin"} {
		if who, as := v.FieldByName(by), v.FieldByName(login); who.IsValid() && as.IsValid() && as.String() != "" {
			who.SetString(store.By(who.String(), as.String()))
			as.SetString("")
		}
	}
}
