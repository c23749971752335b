package web

import "reflect"

// washed is a copy of an answer with every text of it as clean makes it. All of them go through it: what a page shows of an answer later on
// is washed as well. What belongs to the configuration in force or to others is left as it is, so it is a copy.
func washed[A any](answer A, clean func(string) string) A {
	out := reflect.New(reflect.TypeOf(answer)).Elem()
	cleaned := map[string]string{"": ""} // the same words stand in it again and again
	wash(out, reflect.ValueOf(answer), func(text string) string {
		made, known := cleaned[text]
		if !known {
			made = clean(text)
			cleaned[text] = made
		}
		return made
	})
	return out.Interface().(A)
}

func wash(to, from reflect.Value, clean func(string) string) {
	switch from.Kind() {
	case reflect.String:
		to.SetString(clean(from.String()))
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(from.Type().Elem()))
			wash(to.Elem(), from.Elem(), clean)
		}
	case reflect.Slice:
		if !from.IsNil() {
			to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
			for i := range from.Len() {
				wash(to.Index(i), from.Index(i), clean)
			}
		}
	case reflect.Map:
		if !from.IsNil() {
			to.Set(reflect.MakeMapWithSize(from.Type(), from.Len()))
			for key, value := range from.Seq2() {
				k, v := reflect.New(key.Type()).Elem(), reflect.New(value.Type()).Elem()
				wash(k, key, clean)
				wash(v, value, clean)
				to.SetMapIndex(k, v)
			}
		}
	case reflect.Struct:
		to.Set(from)
		for i := range from.NumField() {
			if from.Type().Field(i).IsExported() { // a time has none that is
				wash(to.Field(i), from.Field(i), clean)
			}
		}
	default:
		to.Set(from)
	}
}
