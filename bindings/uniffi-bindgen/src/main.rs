//! Generates the Kotlin and Swift sides of the boundary from a library that was built, see `cargo xtask bindings`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
