"""Data modules by name; `tlpy.data.module` has the base of all."""
