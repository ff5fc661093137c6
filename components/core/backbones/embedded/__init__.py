"""The tiny vision transformer that ships inside the package, so that demo and tests download nothing."""
