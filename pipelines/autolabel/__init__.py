"""Labels by machine for what people have not labelled, with a certificate of their error from an audit by people."""
