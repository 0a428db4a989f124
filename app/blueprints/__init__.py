"""The screens, one folder a section, all alike: routes are HTTP in and HTTP out, forms the shape of the input."""
