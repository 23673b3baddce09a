//! What the library is linked with.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Android devices may have pages of 16 KiB, and load no library that is aligned to smaller ones.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "android") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,max-page-size=16384");
    }
}
